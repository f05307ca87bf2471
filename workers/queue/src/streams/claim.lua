-- Whose the queue is: the first journal that asks has it until the key is removed.
-- KEYS: the key. ARGV: the journal's id, where it lies.
-- Gives what stands there: id and place.
local owner = redis.call('GET', KEYS[1])
if owner then return owner end
-- A script that has written something may write on in a full server.
redis.call('DEL', KEYS[1])
owner = ARGV[1] .. ' ' .. ARGV[2]
redis.call('SET', KEYS[1], owner)
return owner
