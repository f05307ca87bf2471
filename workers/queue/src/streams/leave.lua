-- A consumer goes; with something pending it stays, for others to claim that.
-- KEYS: stream. ARGV: group, consumer.
for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local consumer = {}
    for field = 1, #told, 2 do consumer[told[field]] = told[field + 1] end
    if consumer.name == ARGV[2] and consumer.pending == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    end
end
