-- What has come to a room's log behind a record that a node has seen.
-- KEYS: room, log. ARGV: the record's number, its id.
local room = redis.call('HMGET', KEYS[1], 'seq', 'last')
local seq, since = tonumber(room[1] or '0'), tonumber(ARGV[1])
if since == seq and (room[2] or '') == ARGV[2] then return {'log', {}} end
-- A room that has nothing goes after a while.
if seq == 0 then return {'gone'} end
if since >= seq then return {'lost'} end
local from = string.format('%.0f-0', since)
local log = redis.call('XRANGE', KEYS[2], from, '+')
if #log == 0 or log[1][1] ~= from then return {'reload'} end
if log[1][2][4] ~= ARGV[2] then return {'lost'} end
table.remove(log, 1)
return {'log', log}
