-- All of a room at one moment.
-- KEYS: room, state, timers, members.
local room = redis.call('HMGET', KEYS[1], 'seq', 'last', 'timers', 'sent', 'sbytes')
return {
  room[1] or '0', room[2] or '', redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
  room[3] or '0', room[4] or '0', room[5] or '0', redis.call('HGETALL', KEYS[4]),
}
