-- Removes consumers that are gone. What a consumer has pending would go with it: only those with nothing pending.
-- KEYS: the set of live workers, then streams. ARGV: group, least idle time in milliseconds.
-- Gives how many.
local removed = 0
for at = 2, #KEYS do
    if redis.call('EXISTS', KEYS[at]) == 1 then
        for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[at], ARGV[1])) do
            local consumer = {}
            for field = 1, #told, 2 do consumer[told[field]] = told[field + 1] end
            local is_live = redis.call('ZSCORE', KEYS[1], consumer.name)
            if not is_live and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
                redis.call('XGROUP', 'DELCONSUMER', KEYS[at], ARGV[1], consumer.name)
                removed = removed + 1
            end
        end
    end
end
return removed
