-- presence-renew: begins or prolongs the lease of a worker, and hands out those of workers that are gone.
--
-- KEYS  1 sorted set: lease → when it ends, ms; 2 sorted set: lease that is being ended → when that should be done, ms
-- ARGV  1 lease, 2 for how long, ms, 3 "1": it begins, 4 for how long clocks may differ, ms, 5 for how long a lease is given
--       to one to be ended, ms, 6 leases given at most
-- returns {"1" or "0": whether it is held, when it ends, ms, leases to be ended, ms until the next may lapse or -1}
-- effects: the lease is in the first set if it is held; those given out are in the second.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end

local held = ARGV[3] == '1' or redis.call('ZSCORE', KEYS[1], ARGV[1])
if held then redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1]) end

local given = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. text(now - ARGV[4]), 'LIMIT', 0, ARGV[6])
for _, lease in ipairs(given) do redis.call('ZREM', KEYS[1], lease) end
local overdue = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. text(now), 'LIMIT', 0, tonumber(ARGV[6]) - #given)
for _, lease in ipairs(overdue) do given[#given + 1] = lease end
for _, lease in ipairs(given) do redis.call('ZADD', KEYS[2], text(now + ARGV[5]), lease) end

local next = -1
local first = redis.call('ZRANGE', KEYS[1], 0, 1, 'WITHSCORES')
for i = 1, #first, 2 do
  if first[i] ~= ARGV[1] and next == -1 then next = math.max(0, first[i + 1] - now + ARGV[4]) + 1 end
end
return {held and '1' or '0', text(now + ARGV[2]), given, text(next)}
