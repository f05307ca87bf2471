-- Puts entries that nobody acknowledged back at the end of their streams, for anybody to take.
-- KEYS: streams. ARGV: group, consumer, least idle time in milliseconds.
-- Gives how many.
local moved = 0
for _, key in ipairs(KEYS) do
    local start = '0-0'
    repeat
        local claimed = redis.call('XAUTOCLAIM', key, ARGV[1], ARGV[2], ARGV[3], start, 'COUNT', 100)
        start = claimed[1]
        for _, entry in ipairs(claimed[2]) do
            if entry and entry[2] then
                redis.call('XADD', key, '*', unpack(entry[2]))
                moved = moved + 1
            end
            if entry and entry[1] then
                redis.call('XACK', key, ARGV[1], entry[1])
                redis.call('XDEL', key, entry[1])
            end
        end
    until start == '0-0'
end
return moved
