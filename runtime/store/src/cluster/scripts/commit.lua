-- Commits one event of a room, or says why not, before its first write.
--
-- KEYS: room, its state, its log; epoch, nodes, rooms, totals, expiry.
-- ARGV: 1 epoch, 2 node, 3 token, 4 the commit's number, 5 when it is too late, 6 the record since which the event has
-- read, 7 that record's id if it was the last, 8 whether the room was empty, 9 the record of this commit, 10 the
-- room's name, 11 most bytes of the room, 12 of all rooms, 13 most records of the log;
-- then names read: how many, each; ranges read: how many, each as kind and key of its start and its end;
-- whether all is removed first; entries written: how many, each as key, expiry or '' and packed entry or ''.
local node, format = ARGV[2], string.format
local id = node .. ':' .. ARGV[3] .. ':' .. ARGV[4]
local room = redis.call('HMGET', KEYS[1], 'seq', 'last', 'c' .. node, 'keys', 'bytes', 'held')

-- The answer to an earlier sending was lost.
local done = room[3]
if done and string.sub(done, 1, #id + 1) == id .. '@' then return {'ok', string.sub(done, #id + 2), '1'} end
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return {'epoch'} end
if redis.call('HGET', KEYS[5], node) ~= ARGV[3] then return {'fenced'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[5]) then return {'late'} end

local seq, last, since = tonumber(room[1]), room[2] or '', tonumber(ARGV[6])
if not seq then
  -- Later than all that this room may have had before.
  if since > 0 and ARGV[8] ~= '1' then return {'lost'} end
  seq = time[1] * 1000000 + time[2]
  since = seq
elseif since > seq or (since == seq and ARGV[7] ~= '' and ARGV[7] ~= last) then
  return {'lost'}
end

local at = 14
local function take()
  at = at + 1
  return ARGV[at - 1]
end

local names, count = {}, tonumber(take())
local reads = count > 0
for _ = 1, count do names[take()] = true end
local ranges = {}
for _ = 1, tonumber(take()) do
  reads = true
  ranges[#ranges + 1] = {take(), take(), take(), take()}
end

-- Whether a comes before b. Lua's own comparison follows the locale of the server.
local function before(a, b)
  for place = 1, math.min(#a, #b) do
    local one, other = string.byte(a, place), string.byte(b, place)
    if one ~= other then return one < other end
  end
  return #a < #b
end

local function is_read(name)
  if names[name] then return true end
  local kind, key = string.sub(name, 1, 1), string.sub(name, 2)
  if kind == '*' then
    if #ranges > 0 then return true end
    for read in pairs(names) do
      if string.sub(read, 1, 1) == 's' then return true end
    end
  elseif kind == 's' then
    for _, range in ipairs(ranges) do
      local starts = range[1] == '-' or before(range[2], key) or (range[1] == '[' and range[2] == key)
      local ends = range[3] == '-' or before(key, range[4]) or (range[3] == '[' and range[4] == key)
      if starts and ends then return true end
    end
  end
  return false
end

if reads and since < seq then
  local from = format('%.0f-0', since)
  local log = redis.call('XRANGE', KEYS[3], from, '+')
  if #log == 0 or log[1][1] ~= from then return {'reload'} end
  for place = 2, #log do
    for _, name in ipairs(cmsgpack.unpack(log[place][2][2])) do
      if is_read(name) then return {'conflict', format('%.0f', seq)} end
    end
  end
end

-- What the room takes then: for each entry its key, its value and 64 bytes; a packed entry has 9 bytes more.
local clears = take() == '1'
local old_keys, old_bytes = tonumber(room[4] or '0'), tonumber(room[5] or '0')
local keys, bytes = old_keys, old_bytes
if clears then keys, bytes = 0, 0 end
local touched, puts, removals, expiries = {}, {}, {}, {}
if clears then touched[1] = '*' end
for _ = 1, tonumber(take()) do
  local key, expires, entry = take(), take(), take()
  touched[#touched + 1] = 's' .. key
  local old = 0
  if not clears then old = redis.call('HSTRLEN', KEYS[2], key) end
  if old > 0 then
    keys = keys - 1
    bytes = bytes - #key - old - 55
  end
  if entry ~= '' then
    keys = keys + 1
    bytes = bytes + #key + #entry + 55
    puts[#puts + 1] = key
    puts[#puts + 1] = entry
    if expires ~= '' then
      expiries[#expiries + 1] = expires
      expiries[#expiries + 1] = #ARGV[10] .. ':' .. ARGV[10] .. key
    end
  elseif old > 0 then
    removals[#removals + 1] = key
  end
end
if bytes > old_bytes then
  if bytes > tonumber(ARGV[11]) then return {'room full', format('%.0f', bytes)} end
  local all = tonumber(redis.call('HGET', KEYS[7], 'bytes') or '0') + bytes - old_bytes
  if all > tonumber(ARGV[12]) then return {'full', format('%.0f', all)} end
end

-- From here on nothing refuses. Redis takes some thousand arguments of a script at once.
local function in_parts(list, call)
  for from = 1, #list, 2000 do call(unpack(list, from, math.min(from + 1999, #list))) end
end
if clears then redis.call('DEL', KEYS[2]) end
in_parts(puts, function(...) redis.call('HSET', KEYS[2], ...) end)
in_parts(removals, function(...) redis.call('HDEL', KEYS[2], ...) end)
in_parts(expiries, function(...) redis.call('ZADD', KEYS[8], ...) end)
if bytes ~= old_bytes then redis.call('HINCRBY', KEYS[7], 'bytes', bytes - old_bytes) end
if (keys == 0) ~= (old_keys == 0) then
  if keys > 0 then
    redis.call('ZADD', KEYS[6], 0, ARGV[10])
    redis.call('HINCRBY', KEYS[7], 'rooms', 1)
  else
    redis.call('ZREM', KEYS[6], ARGV[10])
    redis.call('HINCRBY', KEYS[7], 'rooms', -1)
  end
end
seq = seq + 1
local number = format('%.0f', seq)
redis.call('HSET', KEYS[1], 'seq', number, 'last', id, 'c' .. node, id .. '@' .. number, 'keys', keys, 'bytes', format('%.0f', bytes))
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[13], number .. '-0', 'k', cmsgpack.pack(touched), 'i', id, 'r', ARGV[9])
-- A room that has nothing goes when no node can be behind any more; a log goes earlier: who needs it reads the room.
if keys == 0 and not room[6] then
  redis.call('EXPIRE', KEYS[1], 60)
  redis.call('EXPIRE', KEYS[3], 60)
else
  if old_keys == 0 then redis.call('PERSIST', KEYS[1]) end
  redis.call('EXPIRE', KEYS[3], 600)
end
redis.call('PUBLISH', KEYS[1], number .. ' ' .. last .. ' ' .. id .. ' ' .. ARGV[9])
return {'ok', number, '0'}
