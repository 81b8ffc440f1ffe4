-- What: the cursors of some of the plans of one shard, whether anything of them is due or not.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3 open runs (sorted set), 4.. the hashes of records; the last part of each name is the kind.
-- ARGV: 1 the caller's marker, 2 where the scan goes on (0: its beginning), 3 about how many plans, 4.. texts of which the cursors lack one.
-- Returns: {1, where to go on (0: that was all), field, cursor ...}, or {0, why} if the index is not whole at the marker. A scan cannot stop
--       inside a page, so definitions, which may be large, are read by read.lua.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(ARGV[3]); the caller gives 100.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])}
local cursors
for i = 4, #KEYS do
  sizes[#sizes + 1] = redis.call('HLEN', KEYS[i])
  if string.match(KEYS[i], '([a-z]+)$') == 'cursor' then cursors = KEYS[i] end
end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local page = redis.call('HSCAN', cursors, ARGV[2], 'COUNT', ARGV[3])
local answer = {1, page[1]}
for i = 1, #page[2], 2 do
  local lacks = false
  for j = 4, #ARGV do lacks = lacks or not string.find(page[2][i + 1], ARGV[j], 1, true) end
  if lacks then
    answer[#answer + 1] = page[2][i]
    answer[#answer + 1] = page[2][i + 1]
  end
end
return answer
