-- Gives a node a number that no other has, and that number's next connection ids.
-- KEYS: epoch, leases, nodes, names, ids. ARGV: epoch, token, name, lease in ms, most numbers, ids in a block.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'epoch'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for number = 1, tonumber(ARGV[5]) do
  if not redis.call('ZSCORE', KEYS[2], number) then
    redis.call('ZADD', KEYS[2], now + ARGV[4], number)
    redis.call('HSET', KEYS[3], number, ARGV[2])
    redis.call('HSET', KEYS[4], number, ARGV[3])
    local ids = redis.call('HINCRBY', KEYS[5], number, ARGV[6])
    return {'ok', tostring(number), string.format('%.0f', ids), string.format('%.0f', now)}
  end
end
return {'full'}
