-- Renews the leases of rooms whose signals a node has. Answers those that it has no longer.
-- KEYS: leased, holders. ARGV: node, token, lease in ms, rooms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lost, holder = {}, ARGV[1] .. ':' .. ARGV[2]
for place = 4, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[place]) == holder then
    redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[place])
  else
    lost[#lost + 1] = ARGV[place]
  end
end
return lost
