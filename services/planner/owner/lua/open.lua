-- What: the open runs of some plans of one shard.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3 open runs (sorted set), 4.. the hashes of records.
-- ARGV: 1 the caller's marker, 2 most runs of a plan, 3 how many runs of all plans are enough, then `<tenant>/<plan id>` of each plan.
-- Returns: {1, {run id ...} ...} in the order asked, or {0, why} if the index is not whole at the marker. It ends with the plan whose runs
--       make it enough: a plan is answered whole or not at all.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(log n) a plan, O(1) a run; the caller asks for <= 1000 plans, and gets at most ARGV[3] + ARGV[2] runs.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])}
for i = 4, #KEYS do sizes[#sizes + 1] = redis.call('HLEN', KEYS[i]) end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local answer, left = {1}, tonumber(ARGV[3])
for i = 4, #ARGV do
  -- Members are <tenant>/<plan id>/<run id>, and the character after a slash is the nought.
  local members = redis.call('ZRANGEBYLEX', KEYS[3], '[' .. ARGV[i] .. '/', '(' .. ARGV[i] .. '0', 'LIMIT', 0, ARGV[2])
  local runs = {}
  for j, member in ipairs(members) do runs[j] = string.sub(member, #ARGV[i] + 2) end
  answer[#answer + 1] = runs
  left = left - #runs
  if left <= 0 then return answer end
end
return answer
