-- Commits one event, or says why not, before its first write.
--
-- KEYS: epoch, nodes, rooms, totals, expiry, due, leased, present, parked; then for each room that it changes, its own first:
-- room, state, log, timers, members, signals, queue, parked; then whatever `presence` below names.
-- ARGV: 1 epoch, 2 node, 3 token, 4 the commit's number, 5 when it is too late, 6 the record since which the event has
-- read, 7 that record's id if it was the last, 8 whether the room was empty, 9 most bytes of a room, 10 of all rooms,
-- 11 most signals that a room has sent, 12 whether no limit holds; then lists, each after its length:
-- names read; ranges read, each as kind and key of its start and its end; signals that must be there, each as the
-- number of its room and its id; and the rooms, each as `read_room` takes it; and presence, each as the number of a
-- key, a connection and its room or ''.
local node, format = ARGV[2], string.format
local id = node .. ':' .. ARGV[3] .. ':' .. ARGV[4]
local FIXED, EACH = 9, 8
local function key_of(room, which) return KEYS[FIXED + (room - 1) * EACH + which] end
local FIELDS = {'seq', 'last', 'keys', 'bytes', 'timers', 'sent', 'sbytes', 'c' .. node}
local own = redis.call('HMGET', key_of(1, 1), unpack(FIELDS))

-- The answer to an earlier sending was lost.
local done = own[8]
if done and string.sub(done, 1, #id + 1) == id .. '@' then return {'ok', string.sub(done, #id + 2)} end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'epoch'} end
if redis.call('HGET', KEYS[2], node) ~= ARGV[3] then return {'fenced'} end
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[5]) then return {'late'} end

-- Later than all numbers that a room may have had before.
local first = time[1] * 1000000 + time[2]
local seq, since = tonumber(own[1]), tonumber(ARGV[6])
if not seq then
  if since > 0 and ARGV[8] ~= '1' then return {'lost'} end
  seq = first
  since = seq
elseif since > seq or (since == seq and ARGV[7] ~= '' and ARGV[7] ~= own[2]) then
  return {'lost'}
end

local at = 13
local function take()
  at = at + 1
  return ARGV[at - 1]
end
local function count() return tonumber(take()) end

local names, ranges, reads = {}, {}, false
for _ = 1, count() do
  names[take()] = true
  reads = true
end
for _ = 1, count() do
  ranges[#ranges + 1] = {take(), take(), take(), take()}
  reads = true
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
  elseif kind == 't' then
    return names['t*'] or false
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
  local log = redis.call('XRANGE', key_of(1, 3), from, '+')
  if #log == 0 or log[1][1] ~= from then return {'reload'} end
  for place = 2, #log do
    for _, name in ipairs(cmsgpack.unpack(log[place][2][2])) do
      if is_read(name) then return {'conflict'} end
    end
  end
end
for _ = 1, count() do
  local room, signal = count(), take()
  if redis.call('HEXISTS', key_of(room, 6), signal) == 0 then return {'gone'} end
end

-- A room, and what it takes when this is done: for each entry its key, its value and 64 bytes; a packed entry has 9
-- bytes more than its value.
local function read_room(number)
  local was = own
  if number > 1 then was = redis.call('HMGET', key_of(number, 1), unpack(FIELDS)) end
  local room = {
    name = take(), record = take(), records = take(), clears = take() == '1',
    seq = tonumber(was[1]) or first, last = was[2] or '',
    old_keys = tonumber(was[3] or '0'), old_bytes = tonumber(was[4] or '0'), old_timers = tonumber(was[5] or '0'),
    old_sent = tonumber(was[6] or '0'), old_sbytes = tonumber(was[7] or '0'),
    touched = {}, puts = {}, removals = {}, expiries = {}, timers = {}, members = {}, adds = {}, removes = {}, parks = {},
  }
  if number == 1 then room.seq = seq end
  local touched = room.touched
  local keys, bytes = room.old_keys, room.old_bytes
  if room.clears then
    keys, bytes = 0, 0
    touched[1] = '*'
  end
  for _ = 1, count() do
    local key, expires, entry = take(), take(), take()
    touched[#touched + 1] = 's' .. key
    local old = 0
    if not room.clears then old = redis.call('HSTRLEN', key_of(number, 2), key) end
    if old > 0 then
      keys = keys - 1
      bytes = bytes - #key - old - 55
    end
    if entry ~= '' then
      keys = keys + 1
      bytes = bytes + #key + #entry + 55
      room.puts[#room.puts + 1] = key
      room.puts[#room.puts + 1] = entry
      if expires ~= '' then
        room.expiries[#room.expiries + 1] = expires
        room.expiries[#room.expiries + 1] = #room.name .. ':' .. room.name .. key
      end
    elseif old > 0 then
      room.removals[#room.removals + 1] = key
    end
  end
  for _ = 1, count() do
    local name, timer = take(), take()
    touched[#touched + 1] = 't' .. name
    room.timers[#room.timers + 1] = {name, timer}
  end
  for _ = 1, count() do room.members[#room.members + 1] = {take(), take()} end
  for _ = 1, count() do touched[#touched + 1] = take() end
  for _ = 1, count() do room.adds[#room.adds + 1] = {take(), take(), take()} end
  for _ = 1, count() do room.removes[#room.removes + 1] = take() end
  for _ = 1, count() do room.parks[#room.parks + 1] = {take(), take(), take()} end
  room.keys, room.bytes = keys, bytes
  room.new_timers, room.new_sent = room.old_timers + take(), room.old_sent + take()
  room.sbytes = room.old_sbytes + take()
  return room
end

local rooms, grows, forced = {}, 0, ARGV[12] == '1'
for number = 1, count() do
  local room = read_room(number)
  rooms[number] = room
  local more = room.bytes + room.sbytes - room.old_bytes - room.old_sbytes
  grows = grows + more
  if not forced then
    if room.new_sent > room.old_sent and room.new_sent > tonumber(ARGV[11]) then
      return {'too many signals', tostring(number), format('%.0f', room.new_sent)}
    end
    if more > 0 and room.bytes + room.sbytes > tonumber(ARGV[9]) then
      return {'room full', tostring(number), format('%.0f', room.bytes + room.sbytes)}
    end
  end
end
if grows > 0 and not forced then
  local all = tonumber(redis.call('HGET', KEYS[4], 'bytes') or '0') + grows
  if all > tonumber(ARGV[10]) then return {'full', format('%.0f', all)} end
end

-- From here on nothing refuses. Redis takes some thousand arguments of a script at once.
local function in_parts(list, call)
  for from = 1, #list, 2000 do call(unpack(list, from, math.min(from + 1999, #list))) end
end

local stored, parked_in_all = 0, 0
local function change_signals(number, room)
  local signals, queue, parked = key_of(number, 6), key_of(number, 7), key_of(number, 8)
  for _, signal in ipairs(room.removes) do
    stored = stored - redis.call('HDEL', signals, signal)
    redis.call('ZREM', queue, signal)
    parked_in_all = parked_in_all - redis.call('ZREM', parked, signal)
  end
  for _, signal in ipairs(room.parks) do
    stored = stored + redis.call('HSET', signals, signal[1], signal[3])
    redis.call('ZREM', queue, signal[1])
    parked_in_all = parked_in_all + redis.call('ZADD', parked, signal[2], signal[1])
  end
  for _, signal in ipairs(room.adds) do
    stored = stored + redis.call('HSET', signals, signal[1], signal[3])
    parked_in_all = parked_in_all - redis.call('ZREM', parked, signal[1])
    redis.call('ZADD', queue, signal[2], signal[1])
  end
  if redis.call('EXISTS', parked) == 1 then
    redis.call('ZADD', KEYS[9], 0, room.name)
  else
    redis.call('ZREM', KEYS[9], room.name)
  end
  -- While a node has the signals of a room, it sees to when the next is due.
  if redis.call('ZSCORE', KEYS[7], room.name) then return end
  local next = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if not next[1] then
    redis.call('ZREM', KEYS[6], room.name)
    return
  end
  local old = redis.call('ZSCORE', KEYS[6], room.name)
  if old ~= next[2] then redis.call('ZADD', KEYS[6], next[2], room.name) end
  if not old or tonumber(next[2]) < tonumber(old) then redis.call('PUBLISH', KEYS[6], next[2]) end
end

local function change_members(number, room)
  local members = key_of(number, 5)
  for place, member in ipairs(room.members) do
    if member[2] == '' then
      redis.call('HDEL', members, member[1])
    else
      -- It keeps its place among the others: eight bytes of the record, two of the place within it.
      local old = redis.call('HGET', members, member[1])
      local where = old and string.sub(old, 1, 18) or format('%016.0f%02d', room.seq + 1, math.min(place, 99))
      redis.call('HSET', members, member[1], where .. member[2])
    end
  end
end

for number, room in ipairs(rooms) do
  local name, state, log = key_of(number, 1), key_of(number, 2), key_of(number, 3)
  if room.clears then redis.call('DEL', state) end
  in_parts(room.puts, function(...) redis.call('HSET', state, ...) end)
  in_parts(room.removals, function(...) redis.call('HDEL', state, ...) end)
  in_parts(room.expiries, function(...) redis.call('ZADD', KEYS[5], ...) end)
  for _, timer in ipairs(room.timers) do
    if timer[2] == '' then
      redis.call('HDEL', key_of(number, 4), timer[1])
    else
      redis.call('HSET', key_of(number, 4), timer[1], timer[2])
    end
  end
  if #room.members > 0 then change_members(number, room) end
  if #room.adds + #room.removes + #room.parks > 0 then change_signals(number, room) end
  local had_state, has_state = room.old_keys > 0 or room.old_sbytes > 0, room.keys > 0 or room.sbytes > 0
  if had_state ~= has_state then
    if has_state then
      redis.call('ZADD', KEYS[3], 0, room.name)
    else
      redis.call('ZREM', KEYS[3], room.name)
    end
    redis.call('HINCRBY', KEYS[4], 'rooms', has_state and 1 or -1)
  end
  local has_members = false
  if #room.members > 0 then
    has_members = redis.call('EXISTS', key_of(number, 5)) == 1
    if has_members then
      redis.call('ZADD', KEYS[8], 0, room.name)
    else
      redis.call('ZREM', KEYS[8], room.name)
    end
  end
  local fields = {
    'keys', room.keys, 'bytes', format('%.0f', room.bytes), 'timers', room.new_timers, 'sent', room.new_sent,
    'sbytes', format('%.0f', room.sbytes),
  }
  local is_logged = number == 1 or room.record ~= ''
  if is_logged then
    room.seq = room.seq + 1
    local logged = format('%.0f', room.seq)
    for _, field in ipairs({'seq', logged, 'last', id}) do fields[#fields + 1] = field end
    if number == 1 then
      fields[#fields + 1] = 'c' .. node
      fields[#fields + 1] = id .. '@' .. logged
    end
    redis.call('XADD', log, 'MAXLEN', '~', room.records, logged .. '-0', 'k', cmsgpack.pack(room.touched), 'i', id, 'r', room.record)
  end
  redis.call('HSET', name, unpack(fields))
  -- A room that has nothing goes when no node can be behind any more; a log goes earlier: who needs it reads the room.
  if not has_state and not has_members and redis.call('EXISTS', key_of(number, 5), key_of(number, 6)) == 0 then
    redis.call('EXPIRE', name, 60)
    redis.call('EXPIRE', log, 60)
  else
    redis.call('PERSIST', name)
    redis.call('EXPIRE', log, 600)
  end
  if is_logged then
    redis.call('PUBLISH', name, format('%.0f', room.seq) .. ' ' .. room.last .. ' ' .. id .. ' ' .. room.record)
  end
end
for name, more in pairs({bytes = grows, signals = stored, parked = parked_in_all}) do
  if more ~= 0 then redis.call('HINCRBY', KEYS[4], name, more) end
end
for _ = 1, count() do
  local key, connection, room = KEYS[FIXED + #rooms * EACH + tonumber(take())], take(), take()
  if room == '' then
    redis.call('HDEL', key, connection)
  else
    redis.call('HSET', key, connection, room)
  end
end
return {'ok', format('%.0f', rooms[1].seq)}
