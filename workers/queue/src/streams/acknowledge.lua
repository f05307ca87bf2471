-- Entries of the intake are done with: they go, and are counted. What makes room comes first, and what a full server may
-- refuse is not asked for twice.
-- KEYS: stream, counts. ARGV: group, how many became jobs, how many were rejected, the entries' ids.
for at = 4, #ARGV do
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[at])
    redis.call('XDEL', KEYS[1], ARGV[at])
end
if tonumber(ARGV[2]) > 0 then redis.pcall('HINCRBY', KEYS[2], 'accepted', ARGV[2]) end
if tonumber(ARGV[3]) > 0 then redis.pcall('HINCRBY', KEYS[2], 'rejected', ARGV[3]) end
return 1
