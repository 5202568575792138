-- All of a room at one moment.
-- KEYS: room, state.
local room = redis.call('HMGET', KEYS[1], 'seq', 'last')
return {room[1] or '0', room[2] or '', redis.call('HGETALL', KEYS[2])}
