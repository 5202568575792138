-- Renews a node's lease. Answers the time, and the nodes whose leases have ended.
-- KEYS: leases, nodes. ARGV: number, token, lease in ms.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return {'fenced'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
return {'ok', string.format('%.0f', now), redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now, 'LIMIT', 0, 8)}
