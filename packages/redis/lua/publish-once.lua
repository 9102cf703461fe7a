-- publish-once: hands a publication that is not kept to the topic's subscribers, unless its key was used. Begins with late.lua and
-- tell.lua.
--
-- KEYS  1 the record of the publication's key
-- ARGV  1 destination of the topic (tell.lua), 2 payload (src/envelope.ts), 3 for how long the record is kept, ms, 4 until when it is wanted: see late.lua
-- returns ""; "<offset> <epoch>" when the key was used by a publication that was kept
-- effects: a repeated key none. Else subscribers get the payload, and the record says that the key was used. None where
--   PUBLISH is refused.
local tooLate = late(ARGV[4])
if tooLate then return tooLate end
local first = redis.call('GET', KEYS[1])
if first then return first end
redis.call('SET', KEYS[1], '', 'PX', ARGV[3])
local told = tell(ARGV[1], ARGV[2])
if type(told) == 'table' and told.err then
  redis.pcall('DEL', KEYS[1])
  return told
end
return ''
