-- publish: gives publications of one topic their offsets, keeps them, and hands them to the topic's subscribers, in their
-- order, in one step: a run. Begins with run.lua, server-id.lua, touch.lua and tell.lua.
--
-- KEYS  1 top, 2 log: see touch.lua. Then, for each publication that has a key, the record of that key
-- ARGV  1 new epoch, 2 destination of the topic (tell.lua), 3 entries that the log keeps, 4 for how long, ms,
--       5 for how long the top is kept, ms, 6 for how long a record is kept, ms.
--       Then for each publication: until when it is wanted (run.lua), "1" where it has a key, else "0", its data
-- returns for each "<offset> <epoch>"; "" when its key was used by a publication that was not kept. From the first error
--   on, that error for each
-- effects: those of the publications before the first error, as if each had come alone. Of a late one and of a repeated key
--   none. Else the log ends with one entry more, `<offset>-0` with the fields d (data) and t (when, ms), the top says so,
--   subscribers get the data in its envelope (src/envelope.ts), the record holds what is returned.
--   Of a publication that cannot be kept none, whichever command was refused. One that only PUBLISH refused is kept, and
--   the error is returned: a caller that repeats it with its key is answered with its position.
local SHARED = 6
local top, log = KEYS[1], KEYS[2]
local destination, size, ttlMs, recordMs = ARGV[2], ARGV[3], ARGV[4], ARGV[6]
-- Known from the first publication on that needs them.
local epoch, last, ms
local kept = 0

local function refused(...)
  local reply = redis.pcall(...)
  return type(reply) == 'table' and reply.err and reply
end

-- A log that is trimmed at each entry costs as much again as the entry.
local isAlone = #ARGV == SHARED + 3
local function add(id, data)
  if isAlone then return refused('XADD', log, 'MAXLEN', size, id, 'd', data, 't', ms) end
  return refused('XADD', log, id, 'd', data, 't', ms)
end

local function publish(data, record)
  local isFirst = not epoch
  if isFirst then
    if record then
      local first = redis.pcall('GET', record)
      if first then return first end
    end
    local found, offset = touch(top, log, ARGV[1], tonumber(ARGV[5]))
    if not found then return offset end
    epoch, last, ms = found, offset, string.format('%.0f', clock())
  end
  local offset = string.format('%.0f', last + 1)
  local position = offset .. ' ' .. epoch

  -- First what may be refused, so that an error leaves no gap.
  if record then
    local set
    if isFirst then set = redis.pcall('SET', record, position, 'PX', recordMs)
    else set = redis.pcall('SET', record, position, 'PX', recordMs, 'NX') end
    if not set then return redis.pcall('GET', record) end
    if set.err then return set end
  end
  local failure = add(offset .. '-0', data)
  if failure and mend(log, last, failure.err) then failure = add(offset .. '-0', data) end
  -- What comes later in the run has the same expiry, and the top follows at the end of it.
  if not failure and kept == 0 then
    failure = refused('PEXPIRE', log, ttlMs) or refused('HSET', top, 'offset', offset)
    if failure then redis.pcall('XDEL', log, offset .. '-0') end
  end
  if failure then
    if record then redis.pcall('DEL', record) end
    return failure
  end
  last, kept = last + 1, kept + 1
  local told = tell(destination, '\1hf\1' .. position .. ' ' .. data)
  return type(told) == 'table' and told or position
end

local replies = run(SHARED, 2, publish)
if kept > 0 and not isAlone then
  -- Not refused, as it was taken for the first of them. What is not trimmed, read.lua passes over.
  if kept > 1 then redis.call('HSET', top, 'offset', string.format('%.0f', last)) end
  redis.pcall('XTRIM', log, 'MAXLEN', size)
end
return replies
