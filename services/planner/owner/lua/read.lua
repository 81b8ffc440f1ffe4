-- What: records of one shard by their ids.
-- KEYS: 1 position (hash), 2 tenants (sorted set), 3 open runs (sorted set), 4.. the hashes of records.
-- ARGV: 1 the caller's marker, 2 most bytes of records, then pairs: index of the hash in KEYS, field.
-- Returns: {1, record or false ...} in the order asked, or {0, why} if the index is not whole at the marker. Where the bytes are reached
--       the answer ends early; it has one record at least, and the caller asks again for the others.
-- Atomic: what is read belongs to one position of the changelog.
-- Cost: O(1) a record; the caller asks for <= 500, and gets about ARGV[2] bytes.
local at = redis.call('HMGET', KEYS[1], 'at', 'part', 'sizes')
if at[1] ~= ARGV[1] or at[2] ~= '0' then return {0, 'moved'} end
local sizes = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])}
for i = 4, #KEYS do sizes[#sizes + 1] = redis.call('HLEN', KEYS[i]) end
if table.concat(sizes, ',') ~= at[3] then return {0, 'damaged'} end
local answer, bytes_left = {1}, tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local record = redis.call('HGET', KEYS[tonumber(ARGV[i])], ARGV[i + 1])
  answer[#answer + 1] = record
  if record then bytes_left = bytes_left - #record end
  if bytes_left <= 0 then return answer end
end
return answer
