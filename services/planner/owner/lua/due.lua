-- What: the timers of one shard that are due, each with its record (and a plan's timer with its definition), tenants in turn.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3.. the hashes of records; the last part of each name is the kind.
-- ARGV: 1 the caller's marker, 2 now in microseconds, 3 most timers, 4 page (passes by so many limits), 5 most bytes of records,
--       6 the prefix of the tenants' sets of timers (their names are in set 2, all in this slot).
-- Returns: {1, earliest score or false, tenant, member, record, definition or "" ...}, or {0, why} if the index is not whole there.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(log n) a tenant, O(1) a timer; at most ARGV[3] timers (the caller gives <= 500) and about ARGV[5] bytes.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2])}
local hashes = {}
for i = 3, #KEYS do
  sizes[#sizes + 1] = redis.call('HLEN', KEYS[i])
  hashes[string.match(KEYS[i], '([a-z]+)$')] = KEYS[i]
end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local limit, page, bytes_left = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local answer = {1, first[2] or false}
local tenants = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, limit)
if #tenants == 0 then return answer end
local share = math.ceil(limit / #tenants)
local left = limit
for _, tenant in ipairs(tenants) do
  local members = redis.call('ZRANGEBYSCORE', ARGV[6] .. tenant, '-inf', ARGV[2], 'LIMIT', page * share, math.min(share, left))
  if #members == 0 and page == 0 then return {0, 'damaged'} end
  for _, member in ipairs(members) do
    local kind, id = string.match(member, '^([a-z]+)/(.*)$')
    local record = redis.call('HGET', hashes[kind], tenant .. '/' .. id)
    local definition = ''
    if kind == 'cursor' then definition = redis.call('HGET', hashes['definition'], tenant .. '/' .. id) end
    if not record or not definition then return {0, 'damaged'} end
    answer[#answer + 1] = tenant
    answer[#answer + 1] = member
    answer[#answer + 1] = record
    answer[#answer + 1] = definition
    left = left - 1
    bytes_left = bytes_left - #record - #definition
    if bytes_left <= 0 then return answer end
  end
  if left <= 0 then return answer end
end
return answer
