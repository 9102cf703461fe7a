-- publish: gives a publication its offset, keeps it, and hands it to the topic's subscribers, in one step.
-- Begins with late.lua, server-id.lua, touch.lua and tell.lua.
--
-- KEYS  1 top, 2 log: see touch.lua. 3, optional: the record of the publication's key
-- ARGV  1 destination of the topic (tell.lua), 2 data, 3 new epoch, 4 entries that the log keeps, 5 for how long, ms,
--       6 for how long the top is kept, ms, 7 for how long the record is kept, ms,
--       8 until when it is wanted: see late.lua
-- returns "<offset> <epoch>"; "" when the key was used by a publication that was not kept
-- effects: of a late call and of a repeated key none. Else the log ends with one entry more, `<offset>-0` with the fields d (data) and t (when, ms),
--   the top says so, subscribers get the data in its envelope (src/envelope.ts), the record holds what is returned.
--   Of a publication that cannot be kept none, whichever command was refused. One that only PUBLISH refused is kept, and
--   the error is returned: a caller that repeats it with its key is answered with its position.
local tooLate = late(ARGV[8])
if tooLate then return tooLate end
if KEYS[3] then
  local first = redis.call('GET', KEYS[3])
  if first then return first end
end
local epoch, last = touch(KEYS[1], KEYS[2], ARGV[3], tonumber(ARGV[6]))
if not epoch then return last end

local offset = string.format('%.0f', last + 1)
local position = offset .. ' ' .. epoch
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function refused(...)
  local reply = redis.pcall(...)
  return type(reply) == 'table' and reply.err and reply
end
local function add()
  return refused('XADD', KEYS[2], 'MAXLEN', ARGV[4], offset .. '-0', 'd', ARGV[2], 't', ms)
end

-- First what may be refused, so that an error leaves no gap.
if KEYS[3] then redis.call('SET', KEYS[3], position, 'PX', ARGV[7]) end
local failure = add()
if failure and mend(KEYS[2], last, failure.err) then failure = add() end
if not failure then
  failure = refused('PEXPIRE', KEYS[2], ARGV[5]) or refused('HSET', KEYS[1], 'offset', offset)
  if failure then redis.pcall('XDEL', KEYS[2], offset .. '-0') end
end
if failure then
  if KEYS[3] then redis.pcall('DEL', KEYS[3]) end
  return failure
end
local told = tell(ARGV[1], '\1hf\1' .. position .. ' ' .. ARGV[2])
if type(told) == 'table' then return told end
return position
