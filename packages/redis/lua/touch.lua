-- touch: the state of a topic's log, brought up to date with the server that runs this. Other scripts begin with server-id.lua and it.
--
-- A server's replication id changes whenever its data may have gone back: at a restart and when a replica is promoted. So
-- the id under which the log was last used is kept with it. Where it differs, the end of the log may be lost: from here on
-- the log has another epoch, and `lineage` says up to where the earlier one is the same (docs/adr/0013).
--
-- touch(top, log, newEpoch, keepMs)
--   top       key of the hash {epoch, offset, replid, lineage}
--   log       key of the stream
--   newEpoch  unlike any other; used when a new epoch begins
--   keepMs    for how long the hash is kept after its last use
-- returns epoch, offset (a number), lineage ("<epoch> <offset>,…", oldest first); or nil and an error reply
-- effects: creates the hash when there is none, and drops a stream that it was lost from; writes a new epoch; else none
--   but a new expiry now and then.
--
-- mend(log, last, failure)
--   last      the offset that the top has
--   failure   text of the error that the log answered with
-- returns whether the log may be asked once more
-- effects: a key that is no stream is deleted: it stands where this log was. Entries beyond `last` are deleted: they were
--   added by hand, or by a call that was refused half-way, and no subscriber was told of them.
local MAX_LINEAGE = 8
local MEND_STEP = 8

local function mend(log, last, failure)
  if string.find(failure, 'WRONGTYPE', 1, true) then
    redis.log(redis.LOG_WARNING, 'holdfast: deleted ' .. log .. ', which was no stream')
    redis.call('DEL', log)
    return true
  end
  if not string.find(failure, 'equal or smaller', 1, true) then return false end
  local text = string.format('%.0f', last)
  repeat
    local some = redis.call('XRANGE', log, '(' .. text .. '-18446744073709551615', '+', 'COUNT', MEND_STEP)
    for _, entry in ipairs(some) do redis.call('XDEL', log, entry[1]) end
  until #some == 0
  redis.call('XSETID', log, text .. '-0')
  redis.log(redis.LOG_WARNING, 'holdfast: deleted entries of ' .. log .. ' that were beyond ' .. text)
  return true
end

local function touch(top, log, newEpoch, keepMs)
  local replid, refusal = serverId()
  if not replid then return nil, refusal end
  local state = redis.pcall('HMGET', top, 'epoch', 'offset', 'replid', 'lineage')
  if state.err then
    if not string.find(state.err, 'WRONGTYPE', 1, true) then return nil, state end
    redis.log(redis.LOG_WARNING, 'holdfast: deleted ' .. top .. ', which was no hash')
    redis.call('DEL', top)
    state = {}
  end
  local epoch, offset, lineage = state[1], tonumber(state[2]), state[4]
  if not epoch then
    redis.call('DEL', log)
    epoch, offset, lineage = newEpoch, 0, ''
    redis.call('HSET', top, 'epoch', epoch, 'offset', '0', 'replid', replid, 'lineage', lineage)
  elseif state[3] ~= replid then
    lineage = lineage .. (lineage == '' and '' or ',') .. epoch .. ' ' .. state[2]
    local _, commas = string.gsub(lineage, ',', '')
    if commas >= MAX_LINEAGE then lineage = string.match(lineage, ',(.*)') end
    epoch = newEpoch
    redis.call('HSET', top, 'epoch', epoch, 'replid', replid, 'lineage', lineage)
  end
  -- An expiry is a write, to be replicated: so not at every use.
  if redis.call('PTTL', top) < keepMs / 2 then redis.call('PEXPIRE', top, keepMs) end
  return epoch, offset, lineage
end
