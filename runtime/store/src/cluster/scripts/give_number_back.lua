-- A node goes, and has closed all its connections.
-- KEYS: leases, nodes, names. ARGV: number, token.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return {'fenced'} end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return {'ok'}
