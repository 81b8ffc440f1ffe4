-- What: records of one shard by their ids.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3.. the hashes of records.
-- ARGV: 1 the caller's marker, then pairs: index of the hash in KEYS, field.
-- Returns: {1, record or false ...} in the order asked, or {0, why} if the index is not whole at the marker.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(1) a record; the caller asks for <= 500.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2])}
for i = 3, #KEYS do sizes[#sizes + 1] = redis.call('HLEN', KEYS[i]) end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local answer = {1}
for i = 2, #ARGV, 2 do
  answer[#answer + 1] = redis.call('HGET', KEYS[tonumber(ARGV[i])], ARGV[i + 1])
end
return answer
