-- publish: gives a publication its offset, keeps it, and hands it to the topic's subscribers, in one step.
-- Begins with touch.lua.
--
-- KEYS  1 top, 2 log: see touch.lua. 3, optional: the record of the publication's key
-- ARGV  1 channel of the topic, 2 data, 3 new epoch, 4 entries that the log keeps, 5 for how long, ms,
--       6 for how long the top is kept, ms, 7 for how long the record is kept, ms
-- returns "<offset> <epoch>"; "" when the key was used by a publication that was not kept
-- effects: a repeated key none. Else the log ends with one entry more, `<offset>-0` with the fields d (data) and t (when, ms),
--   the top says so, subscribers get the data in its envelope (src/envelope.ts), the record holds what is returned.
if KEYS[3] then
  local first = redis.call('GET', KEYS[3])
  if first then return first end
end
local epoch, last = touch(KEYS[1], KEYS[2], ARGV[3], tonumber(ARGV[6]))
if not epoch then return last end

local offset = string.format('%.0f', last + 1)
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
-- First what may be refused, so that an error leaves no gap.
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[4], offset .. '-0', 'd', ARGV[2], 't', ms)
redis.call('HSET', KEYS[1], 'offset', offset)
redis.call('PEXPIRE', KEYS[2], ARGV[5])

local position = offset .. ' ' .. epoch
redis.call('PUBLISH', ARGV[1], '\1hf\1' .. position .. ' ' .. ARGV[2])
if KEYS[3] then redis.call('SET', KEYS[3], position, 'PX', ARGV[7]) end
return position
