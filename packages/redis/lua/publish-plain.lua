-- publish-plain: hands a publication that is not kept to the topic's subscribers. For a Cluster, whose PUBLISH has no key to route by.
-- Begins with late.lua and tell.lua.
--
-- KEYS  1 the topic's log: only its slot matters
-- ARGV  1 destination of the topic (tell.lua), 2 payload (src/envelope.ts), 3 until when it is wanted: see late.lua
-- returns how many connections of this server were told
-- effects: subscribers get the payload.
local tooLate = late(ARGV[3])
if tooLate then return tooLate end
return tell(ARGV[1], ARGV[2])
