-- What: one numbered part of an apply: records and their timers written, and the position moved, if the index is where the caller thinks
--       and whole. A new marker that begins with "building:" only claims the index, whole or not: what stands there is to be removed.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3 open runs (sorted set), 4..3+h the hashes of records, then the sorted sets of timers
--       of the tenants named.
-- ARGV: 1 marker expected, 2 part expected, 3 the part this is (0: the last), 4 new marker, 5 append time of its record in microseconds,
--       6 inputs (JSON), 7 h, 8 number of tenants named, their names, then the changes as MessagePack, each record at most once, a
--       list each: index of the hash (from 1), index of the tenant (from 1), id, value ("" = gone), wake-up time in microseconds as
--       text ("" = no timer).
-- Returns: {1, earliest score of all timers or false}, or {0, marker, part} where the index is elsewhere, {0, 'damaged'} where it has lost
--       something since its last part; then nothing was written.
-- Atomic: a position never stands beside records of another; a zombie's part finds a changed position and writes nothing.
-- Cost: O(log n) a change; the caller gives <= 1000 changes.
local hashes, named = tonumber(ARGV[7]), tonumber(ARGV[8])
local function sizes()
  local all = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])}
  for i = 4, 3 + hashes do all[#all + 1] = redis.call('HLEN', KEYS[i]) end
  return table.concat(all, ',')
end
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if (at[1] or '') ~= ARGV[1] or (at[2] or '0') ~= ARGV[2] then return {0, at[1] or '', at[2] or '0'} end
if string.sub(ARGV[4], 1, 9) == 'building:' then
  redis.call('HSET', KEYS[1], 'at', ARGV[4], 'part', '0', 'appended', ARGV[5], 'inputs', ARGV[6], 'sizes', '0,0' .. string.rep(',0', hashes))
  return {1, false}
end
if at[3] ~= sizes() then return {0, 'damaged'} end
local kinds = {}
for i = 4, 3 + hashes do kinds[i - 3] = string.match(KEYS[i], '([a-z]+)$') end
-- One call for each key and command, not for each change: most of a call's cost is that of being one.
local calls = {HSET = {}, HDEL = {}, ZADD = {}, ZREM = {}}
local function add(command, key, argument, other)
  local arguments = calls[command][key] or {}
  calls[command][key] = arguments
  arguments[#arguments + 1] = argument
  arguments[#arguments + 1] = other
end
-- A run's record tells, before anything that a worker said, its plan and whether it is open; one that does not tell is open.
local function in_open_runs(is_open, tenant, id, run)
  local plan = run and string.match(run, '"plan_id":"([^"]*)"')
  if not plan then return end
  local member = tenant .. '/' .. plan .. '/' .. id
  if is_open then add('ZADD', KEYS[3], '0', member) else add('ZREM', KEYS[3], member) end
end
for _, change in ipairs(cmsgpack.unpack(ARGV[9 + named])) do
  local number, tenant, id, value, wake = unpack(change)
  local hash, kind, timers = KEYS[3 + number], kinds[number], KEYS[3 + hashes + tenant]
  local field = ARGV[8 + tenant] .. '/' .. id
  if kind == 'run' then
    if value == '' then
      in_open_runs(false, ARGV[8 + tenant], id, redis.call('HGET', hash, field))
    else
      in_open_runs(string.match(value, '"open":(%a+)') ~= 'false', ARGV[8 + tenant], id, value)
    end
  end
  if value == '' then add('HDEL', hash, field) else add('HSET', hash, field, value) end
  if wake ~= '' then
    add('ZADD', timers, wake, kind .. '/' .. id)
  elseif kind ~= 'definition' then
    add('ZREM', timers, kind .. '/' .. id)
  end
end
for command, keys in pairs(calls) do
  for key, arguments in pairs(keys) do
    -- In even numbers, for they are pairs; a script's stack holds 8000 values.
    for i = 1, #arguments, 2000 do redis.call(command, key, unpack(arguments, i, math.min(i + 1999, #arguments))) end
  end
end
for tenant = 1, named do
  local first = redis.call('ZRANGE', KEYS[3 + hashes + tenant], 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', KEYS[2], first[2], ARGV[8 + tenant]) else redis.call('ZREM', KEYS[2], ARGV[8 + tenant]) end
end
if ARGV[3] == '0' then
  redis.call('HSET', KEYS[1], 'at', ARGV[4], 'part', '0', 'appended', ARGV[5], 'inputs', ARGV[6], 'sizes', sizes())
else
  redis.call('HSET', KEYS[1], 'part', ARGV[3], 'sizes', sizes())
end
return {1, redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or false}
