-- What: the open runs of some plans of one shard.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3.. the hashes of records.
-- ARGV: 1 the caller's marker, 2 most runs of a plan, 3 the prefix of the plans' sets of open runs (all in this slot), then
--       `<tenant>/<plan id>` of each plan.
-- Returns: {1, {run id ...} ...} in the order asked, or {0, why} if the index is not whole at the marker.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(ARGV[2]) a plan; the caller asks for <= 500 plans, most of which have a run or none.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2])}
for i = 3, #KEYS do sizes[#sizes + 1] = redis.call('HLEN', KEYS[i]) end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local answer = {1}
for i = 4, #ARGV do
  answer[#answer + 1] = redis.call('SRANDMEMBER', ARGV[3] .. ARGV[i], ARGV[2])
end
return answer
