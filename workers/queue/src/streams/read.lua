-- Entries for one consumer: the lanes in the order given, each as far as there is room for it and room at all.
-- KEYS: streams, most urgent first. ARGV: group, consumer, room at all, then the room of each lane.
-- Gives for each lane its entries: { {id, {field, value, ...}}, ... }
local left = tonumber(ARGV[3])
local lanes = {}
for at, key in ipairs(KEYS) do
    local count = math.min(left, tonumber(ARGV[3 + at]))
    lanes[at] = {}
    if count > 0 then
        local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count, 'STREAMS', key, '>')
        if read then
            lanes[at] = read[1][2]
            left = left - #lanes[at]
        end
    end
end
return lanes
