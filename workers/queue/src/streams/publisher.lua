-- One process at a time: whoever has the key, or takes it when it is free, has it for a while longer.
-- KEYS: the key. ARGV: process, how long in milliseconds.
-- Gives 1 to the one process, 0 to others.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
-- Removed first: a script that has written something may write on in a full server, and this takes no room.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
