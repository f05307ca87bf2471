-- One exchange: a process says what it has and wants, and hears what became of it. The same as `Scheduler::exchange`:
-- change both or neither. All on the server's own clock.
--
-- KEYS 1 leases     sorted set  `process ticket lane tenant fence claimed` by the end of the lease
--      2 waiting    sorted set  `process ticket lane tenant` by arrival
--      3 processes  hash        process -> `seen sequence more`
--      4 turns      sorted set  `lane tenant` by the fence it was last given
--      5 state      hash        run_id, hold, fence, arrival, cut_to, cut_at
-- ARGV 1 channel, before the process's name  2 process  3 sequence  4 limit  5-7 reserves  8 lease  9 grace
--      10 silence  11 recover  12 throttled  13 more  14 how many wait  15 hold  16 left, then those:
--      ticket lane tenant each who waits, ticket lane tenant fence each who holds, ticket each that is left
-- Gives {in flight, waiting, limit now, hold off, next or -1, {ticket, fence, ...}, {lost ticket, ...}}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local LEASES, WAITING, PROCESSES, TURNS, STATE = unpack(KEYS)
local process, sequence, limit = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local reserves = {[0] = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])}
local lease, grace, silence, recover = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
-- A script that has written something may write on in a full server. Places are few, and the work that they are for makes
-- room; this removes nothing.
redis.call('ZREM', LEASES, '')
local MAX_TURNS, HALVING, KEPT = 256, 1000, 7 * 24 * 3600 * 1000

-- Lua writes large numbers as 1.7e+15.
local function int(number) return string.format('%.0f', number) end

local function pairs_of(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

-- What the process says.
local asked, held, left, cursor = {}, {}, {}, 17
local is_asked, is_held, is_left = {}, {}, {}
for _ = 1, tonumber(ARGV[14]) do
  asked[#asked + 1] = {ticket = ARGV[cursor], lane = tonumber(ARGV[cursor + 1]), tenant = ARGV[cursor + 2]}
  is_asked[ARGV[cursor]] = true
  cursor = cursor + 3
end
for _ = 1, tonumber(ARGV[15]) do
  held[#held + 1] = {ticket = ARGV[cursor], lane = tonumber(ARGV[cursor + 1]), tenant = ARGV[cursor + 2], fence = tonumber(ARGV[cursor + 3])}
  is_held[ARGV[cursor]] = true
  cursor = cursor + 4
end
for _ = 1, tonumber(ARGV[16]) do
  is_left[ARGV[cursor]] = true
  cursor = cursor + 1
end

-- What is stored. A clock that was set back must not keep anything for longer than it would have been.
local state = pairs_of(redis.call('HGETALL', STATE))
local hold = math.min(tonumber(state.hold or 0), now + lease)
local fence, arrival = tonumber(state.fence or 0), tonumber(state.arrival or 0)
local cut_to, cut_at = tonumber(state.cut_to), math.min(tonumber(state.cut_at or 0), now)
-- Another life of the server may have forgotten who holds what.
-- A user who may not ask for it is told by `doctor`; a server that has forgotten all has forgotten this too.
local info = redis.pcall('INFO', 'server')
local run_id = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
if state.run_id ~= run_id then hold = now + lease end

local processes = {}
for name, value in pairs(pairs_of(redis.call('HGETALL', PROCESSES))) do
  local at, told, more = string.match(value, '^(%S+) (%S+) (%S+)$')
  processes[name] = {at = math.min(tonumber(at), now), sequence = tonumber(told), more = tonumber(more)}
end

local places, stored = {}, redis.call('ZRANGE', LEASES, 0, -1, 'WITHSCORES')
for i = 1, #stored, 2 do
  local owner, ticket, lane, tenant, number, claimed = string.match(stored[i], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  places[#places + 1] = {process = owner, ticket = ticket, lane = tonumber(lane), tenant = tenant, fence = tonumber(number),
    claimed = claimed == '1', ends = math.min(tonumber(stored[i + 1]), now + lease)}
end

local waiters, gone = {}, {}
for _, member in ipairs(redis.call('ZRANGE', WAITING, 0, -1)) do
  local owner, ticket, lane, tenant = string.match(member, '^(%S+) (%S+) (%S+) (%S+)$')
  waiters[#waiters + 1] = {member = member, process = owner, ticket = ticket, lane = tonumber(lane), tenant = tenant}
end

local function limit_now()
  if not cut_to then return limit end
  return math.min(limit, cut_to + math.floor((now - cut_at) / recover))
end

local function over(place) return place.claimed and place.ends + grace or place.ends end

local function keep(list, wanted)
  local kept = {}
  for _, item in ipairs(list) do
    if wanted(item) then kept[#kept + 1] = item elseif item.member then gone[#gone + 1] = item.member end
  end
  return kept
end

local granted, lost, woken = {}, {}, {}

-- Renews, hands over and takes back the places of the process.
local function update_places()
  local has_place = {}
  places = keep(places, function(place)
    if place.process ~= process then return true end
    if is_held[place.ticket] or is_asked[place.ticket] then
      if not is_held[place.ticket] then granted[#granted + 1] = {ticket = place.ticket, fence = place.fence} end
      place.claimed, place.ends = true, now + lease
    elseif not is_left[place.ticket] then
      return false
    end
    has_place[place.ticket] = true
    return true
  end)
  table.sort(granted, function(a, b) return a.fence < b.fence end)
  for _, holder in ipairs(held) do
    if not has_place[holder.ticket] then
      if now >= hold then
        lost[#lost + 1] = holder.ticket
      else
        fence = math.max(fence, holder.fence)
        has_place[holder.ticket] = true
        places[#places + 1] = {process = process, ticket = holder.ticket, lane = holder.lane, tenant = holder.tenant,
          fence = holder.fence, claimed = true, ends = now + lease}
      end
    end
  end
  return has_place
end

-- Makes the queue hold exactly those waiters of the process who still wait, the new ones at the end.
local function update_waiters(has_place)
  local is_known = {}
  waiters = keep(waiters, function(queued)
    if queued.process ~= process then return true end
    is_known[queued.ticket] = true
    return is_asked[queued.ticket] and not has_place[queued.ticket]
  end)
  for _, waiter in ipairs(asked) do
    if not has_place[waiter.ticket] and not is_known[waiter.ticket] then
      arrival = arrival + 1
      local member = process .. ' ' .. waiter.ticket .. ' ' .. waiter.lane .. ' ' .. waiter.tenant
      redis.call('ZADD', WAITING, int(arrival), member)
      waiters[#waiters + 1] = {member = member, process = process, ticket = waiter.ticket, lane = waiter.lane, tenant = waiter.tenant}
    end
  end
end

local function forget_the_silent()
  places = keep(places, function(place) return now < over(place) end)
  for name, seen in pairs(processes) do
    if now >= seen.at + 2 * lease then processes[name] = nil end
  end
  waiters = keep(waiters, function(queued)
    local seen = processes[queued.process]
    return seen and now < seen.at + silence
  end)
end

-- The place in the queue of the waiter whose turn it is, if there is a place for it.
local function next_waiter(turns)
  local free = limit_now() - #places
  if free <= 0 then return nil end
  local unmet, waits = {}, {}
  for lane = 0, 2 do unmet[lane] = reserves[lane] end
  for _, place in ipairs(places) do unmet[place.lane] = math.max(0, unmet[place.lane] - 1) end
  for _, queued in ipairs(waiters) do waits[queued.lane] = true end
  local chosen
  for lane = 2, 0, -1 do
    local others = 0
    for other = 0, 2 do
      if other ~= lane and waits[other] then others = others + unmet[other] end
    end
    if waits[lane] and (unmet[lane] > 0 or free > others) then chosen = lane end
  end
  local best, best_turn
  for at, queued in ipairs(waiters) do
    if queued.lane == chosen then
      local turn = turns[queued.lane .. ' ' .. queued.tenant] or 0
      if not best or turn < best_turn then best, best_turn = at, turn end
    end
  end
  return best
end

-- Gives away what is free, one place at a time.
local function grant()
  if #waiters == 0 or #places >= limit_now() then return end
  local turns = {}
  for name, number in pairs(pairs_of(redis.call('ZRANGE', TURNS, 0, -1, 'WITHSCORES'))) do turns[name] = tonumber(number) end
  while true do
    local at = next_waiter(turns)
    if not at then break end
    local next = table.remove(waiters, at)
    gone[#gone + 1] = next.member
    -- The server's time keeps fences rising when the last is forgotten.
    fence = math.max(fence + 1, now * 1000)
    local turn = next.lane .. ' ' .. next.tenant
    turns[turn] = fence
    redis.call('ZADD', TURNS, int(fence), turn)
    local is_own = next.process == process
    if is_own then granted[#granted + 1] = {ticket = next.ticket, fence = fence} else woken[next.process] = true end
    places[#places + 1] = {process = next.process, ticket = next.ticket, lane = next.lane, tenant = next.tenant, fence = fence,
      claimed = is_own, ends = now + (is_own and lease or silence)}
  end
  redis.call('ZREMRANGEBYRANK', TURNS, 0, -1 - MAX_TURNS)
end

local seen = processes[process]
if not seen or seen.sequence < sequence then
  processes[process] = {at = now, sequence = sequence, more = tonumber(ARGV[13])}
  update_waiters(update_places())
  if ARGV[12] == '1' and (not cut_to or now - cut_at >= HALVING) then
    cut_to, cut_at = math.max(1, math.floor(limit_now() / 2)), now
  end
  forget_the_silent()
  if now >= hold then grant() end
end

-- Writes it back.
local is_stored, wanted = {}, {}
for i = 1, #stored, 2 do is_stored[stored[i]] = tonumber(stored[i + 1]) end
for _, place in ipairs(places) do
  local member = table.concat({place.process, place.ticket, place.lane, place.tenant, int(place.fence), place.claimed and 1 or 0}, ' ')
  wanted[member] = true
  if is_stored[member] ~= place.ends then redis.call('ZADD', LEASES, int(place.ends), member) end
end
for member in pairs(is_stored) do
  if not wanted[member] then redis.call('ZREM', LEASES, member) end
end
for _, member in ipairs(gone) do redis.call('ZREM', WAITING, member) end
redis.call('DEL', PROCESSES)
local more_waiting = 0
for name, value in pairs(processes) do
  more_waiting = more_waiting + value.more
  redis.call('HSET', PROCESSES, name, int(value.at) .. ' ' .. int(value.sequence) .. ' ' .. int(value.more))
end
redis.call('HSET', STATE, 'run_id', run_id, 'hold', int(hold), 'fence', int(fence), 'arrival', int(arrival))
if cut_to then redis.call('HSET', STATE, 'cut_to', int(cut_to), 'cut_at', int(cut_at)) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, KEPT) end
for name in pairs(woken) do redis.call('PUBLISH', ARGV[1] .. name, '') end

-- What it hears.
local next_at
local function sooner(at) if not next_at or at < next_at then next_at = at end end
if #waiters > 0 then
  for _, place in ipairs(places) do sooner(over(place)) end
  if hold > now then sooner(hold) end
  if limit_now() < limit then sooner(cut_at + (math.floor((now - cut_at) / recover) + 1) * recover) end
end
local flat = {}
for _, one in ipairs(granted) do
  flat[#flat + 1] = one.ticket
  flat[#flat + 1] = int(one.fence)
end
return {#places, #waiters + more_waiting, limit_now(), math.max(0, hold - now), next_at and math.max(0, next_at - now) or -1, flat, lost}
