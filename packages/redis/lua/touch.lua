-- touch: the state of a topic's log, brought up to date with the server that runs this. Other scripts begin with it.
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
local MAX_LINEAGE = 8

local function touch(top, log, newEpoch, keepMs)
  local info = redis.call('INFO', 'replication')
  -- Plain searches: a pattern costs nearly as much as INFO itself.
  local name = 'master_replid:'
  local at = string.find(info, name, 1, true)
  local replid = at and string.sub(info, at + #name, string.find(info, '\r', at, true) - 1)
  if not string.find(info, 'role:master', 1, true) then
    return nil, redis.error_reply('READONLY this server is a replica')
  end
  if not replid then
    return nil, redis.error_reply('ERR this server does not say its master_replid')
  end
  local state = redis.call('HMGET', top, 'epoch', 'offset', 'replid', 'lineage')
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
