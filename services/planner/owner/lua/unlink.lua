-- What: removes keys of an index that is being built anew, if it still is, by this builder.
-- KEYS: 1 position (hash), 2.. the keys to remove.
-- ARGV: 1 the builder's marker.
-- Returns: 1, or 0 where somebody else's marker stands; then nothing was removed.
-- Atomic: a builder that was overtaken removes nothing of its successor's.
-- Cost: O(1) a key (memory is freed in the background); the caller gives <= 500.
if redis.call('HGET', KEYS[1], 'at') ~= ARGV[1] then return 0 end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
return 1
