-- What: the timers of one shard that are due, each with its record (and a plan's timer with its definition), tenants in turn.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3 open runs (sorted set), 4.. the hashes of records; the last part of each name is the kind.
-- ARGV: 1 the caller's marker, 2 now in microseconds, 3 most timers, 4 page (passes by so many limits), 5 most bytes of records,
--       6 the prefix of the tenants' sets of timers (their names are in set 2, all in this slot), 7 the tenant to begin with, by number.
-- Returns: {1, earliest score or false, tenant, member, record, definition or "" ...}, or {0, why} if the index is not whole there.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(log n) a tenant, O(1) a timer; at most ARGV[3] timers (the caller gives <= 500) and about ARGV[5] bytes.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])}
local hashes = {}
for i = 4, #KEYS do
  sizes[#sizes + 1] = redis.call('HLEN', KEYS[i])
  hashes[string.match(KEYS[i], '([a-z]+)$')] = KEYS[i]
end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local limit, bytes_left = tonumber(ARGV[3]), tonumber(ARGV[5])
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local answer = {1, first[2] or false}
local waiting = redis.call('ZCOUNT', KEYS[2], '-inf', ARGV[2])
if waiting == 0 then return answer end
-- Timers are counted off: one of each tenant that waits, then a second of each, and so on. A page is `limit` of that count. Whoever is
-- first is first served where limit or bytes do not last for all, so it must not always be the tenant with the oldest timer.
local passed = tonumber(ARGV[4]) * limit
local start, tenants = (tonumber(ARGV[7]) + passed) % waiting, math.min(limit, waiting)
local turns = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', start, tenants)
for _, tenant in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, tenants - #turns)) do
  turns[#turns + 1] = tenant
end
local members, rounds = {}, 0
for i, tenant in ipairs(turns) do
  local rank, share = math.floor((passed + i - 1) / waiting), math.floor((limit - i) / waiting) + 1
  members[i] = redis.call('ZRANGEBYSCORE', ARGV[6] .. tenant, '-inf', ARGV[2], 'LIMIT', rank, share)
  if #members[i] == 0 and rank == 0 then return {0, 'damaged'} end
  rounds = math.max(rounds, #members[i])
end
for round = 1, rounds do
  for i, tenant in ipairs(turns) do
    local member = members[i][round]
    if member then
      local kind, id = string.match(member, '^([a-z]+)/(.*)$')
      local record = redis.call('HGET', hashes[kind], tenant .. '/' .. id)
      local definition = ''
      if kind == 'cursor' then definition = redis.call('HGET', hashes['definition'], tenant .. '/' .. id) end
      if not record or not definition then return {0, 'damaged'} end
      answer[#answer + 1] = tenant
      answer[#answer + 1] = member
      answer[#answer + 1] = record
      answer[#answer + 1] = definition
      bytes_left = bytes_left - #record - #definition
      if bytes_left <= 0 then return answer end
    end
  end
end
return answer
