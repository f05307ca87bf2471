-- Puts entries of one stream that their reader cannot use back at its end, if they are still the group's business.
-- KEYS: stream. ARGV: group, entries' ids.
-- Gives how many.
local moved = 0
for at = 2, #ARGV do
    local entry = redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])[1]
    if redis.call('XACK', KEYS[1], ARGV[1], ARGV[at]) == 1 and entry then
        redis.call('XADD', KEYS[1], '*', unpack(entry[2]))
        redis.call('XDEL', KEYS[1], ARGV[at])
        moved = moved + 1
    end
end
return moved
