-- Entries whose time was over so long ago that they are to be removed.
-- KEYS: expiry. ARGV: those before this time, how many, then rows that were seen to, each with its time.
for place = 3, #ARGV, 2 do
  -- It may have another time by now.
  if redis.call('ZSCORE', KEYS[1], ARGV[place]) == ARGV[place + 1] then redis.call('ZREM', KEYS[1], ARGV[place]) end
end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
