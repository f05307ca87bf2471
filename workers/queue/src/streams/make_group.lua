-- Makes the group of a stream, and the stream, where they are not there; in a full server, too: what the group is for makes
-- room.
-- KEYS: stream. ARGV: group.
-- A script that has written something may write on in a full server; this finds nothing.
redis.call('XACK', KEYS[1], ARGV[1], '0-1')
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
return 1
