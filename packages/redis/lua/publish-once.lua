-- publish-once: hands publications of one topic that are not kept to its subscribers, in their order, in one step: a run.
-- One that has a key only where its key was not used. Begins with run.lua and tell.lua.
--
-- KEYS  1 the topic's log: only its slot matters. Then, for each publication that has a key, the record of that key
-- ARGV  1 destination of the topic (tell.lua), 2 for how long a record is kept, ms.
--       Then for each publication: until when it is wanted (run.lua), "1" where it has a key, else "0", its payload
--       (src/envelope.ts)
-- returns for each ""; "<offset> <epoch>" when its key was used by a publication that was kept. From the first error on,
--   that error for each
-- effects: those of the publications before the first error. Of a late one, of a repeated key and where PUBLISH is refused
--   none. Else subscribers get the payload, and the record says that the key was used.
local SHARED = 2

local function publish(payload, record)
  if record then
    local set = redis.pcall('SET', record, '', 'NX', 'PX', ARGV[2])
    if not set then return redis.pcall('GET', record) end
    if set.err then return set end
  end
  local told = tell(ARGV[1], payload)
  if type(told) == 'table' then
    if record then redis.pcall('DEL', record) end
    return told
  end
  return ''
end

return run(SHARED, 1, publish)
