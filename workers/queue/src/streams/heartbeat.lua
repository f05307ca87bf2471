-- A process says that it lives and hears how the queue stands.
-- KEYS: live workers (a sorted set: until when), their slots (a hash), epoch, then streams.
-- ARGV: worker, its slots (0: it takes nothing), how long it is believed in milliseconds, an epoch where there is none.
-- Gives { epoch, whether it is new }, slots of all live workers, the length of each stream, and whether the server is full.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_new, is_full = redis.pcall('SETNX', KEYS[3], ARGV[4]), 0
if type(is_new) == 'table' then
    if not string.find(is_new.err, 'OOM', 1, true) then return is_new end
    is_full = 1
    -- A script that has written something may write on in a full server. What is written here takes a few bytes for each
    -- process, and without it nothing would be worked on that makes room.
    redis.call('ZREM', KEYS[1], '')
    is_new = redis.call('SETNX', KEYS[3], ARGV[4])
end
if tonumber(ARGV[2]) > 0 then
    redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
else
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('HDEL', KEYS[2], ARGV[1])
end
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
for _, worker in ipairs(dead) do
    redis.call('ZREM', KEYS[1], worker)
    redis.call('HDEL', KEYS[2], worker)
end
local slots = 0
for _, count in ipairs(redis.call('HVALS', KEYS[2])) do slots = slots + count end
local lengths = {}
for at = 4, #KEYS do lengths[at - 3] = redis.call('XLEN', KEYS[at]) end
return { { redis.call('GET', KEYS[3]), is_new }, slots, lengths, is_full }
