-- Gives a node the signals of a room that are due, unless another node has them.
-- KEYS: epoch, nodes, due, leased, holders, queue, signals.
-- ARGV: epoch, node, token, room, until when they are due, lease in ms, most.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'epoch'} end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return {'fenced'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held, holder = redis.call('ZSCORE', KEYS[4], ARGV[4]), ARGV[2] .. ':' .. ARGV[3]
if held and tonumber(held) > now and redis.call('HGET', KEYS[5], ARGV[4]) ~= holder then return {'held'} end
local due = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', ARGV[5], 'LIMIT', 0, ARGV[7])
if #due == 0 then
  redis.call('ZREM', KEYS[4], ARGV[4])
  redis.call('HDEL', KEYS[5], ARGV[4])
  local next = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
  if next[1] then
    redis.call('ZADD', KEYS[3], next[2], ARGV[4])
  else
    redis.call('ZREM', KEYS[3], ARGV[4])
  end
  return {'none'}
end
redis.call('ZADD', KEYS[4], now + ARGV[6], ARGV[4])
redis.call('HSET', KEYS[5], ARGV[4], holder)
redis.call('ZREM', KEYS[3], ARGV[4])
local answer = {'ok'}
for _, id in ipairs(due) do
  answer[#answer + 1] = id
  answer[#answer + 1] = redis.call('HGET', KEYS[7], id) or ''
end
return answer
