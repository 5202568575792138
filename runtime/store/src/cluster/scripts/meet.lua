-- A node has connected. Makes a new epoch where the server is not the one that the epoch belongs to: it may have lost
-- what nodes have seen.
-- KEYS: epoch, server. ARGV: the server's identity, a new epoch, whether a cluster may be made, the layout.
local epoch = redis.call('GET', KEYS[1])
if not epoch then
  if ARGV[3] ~= '1' then return {'empty'} end
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('HSET', KEYS[2], 'identity', ARGV[1], 'layout', ARGV[4])
  return {'new', ARGV[2]}
end
local server = redis.call('HMGET', KEYS[2], 'identity', 'layout')
if server[2] ~= ARGV[4] then return {'layout', server[2] or ''} end
if server[1] ~= ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('HSET', KEYS[2], 'identity', ARGV[1])
  return {'changed', ARGV[2]}
end
return {'same', epoch}
