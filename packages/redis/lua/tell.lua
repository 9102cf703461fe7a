-- tell: hands a payload to the subscribers of a topic. Other scripts begin with it.
--
-- tell(destination, payload)
--   destination  the topic's channel, "holdfast:channel:news", for PUBLISH. Or "{9}holdfast:channel:news": for SPUBLISH on
--                the sharded channel "holdfast:{channel:news}", 9 being the length of the prefix (src/keys.ts). No channel
--                begins with a brace
-- returns how many connections of this server were told, or an error reply
-- effects: subscribers get the payload. Where the sharded channel has no subscriber on this server, or SPUBLISH is refused,
--   it goes by PUBLISH: while a slot moves, its keys are here already and its subscribers are not (docs/adr/0052).
local function tell(destination, payload)
  if string.byte(destination) ~= 123 then return redis.pcall('PUBLISH', destination, payload) end
  local length, channel = string.match(destination, '^{(%d+)}(.*)$')
  length = tonumber(length)
  local sharded = string.sub(channel, 1, length) .. '{' .. string.sub(channel, length + 1) .. '}'
  local told = redis.pcall('SPUBLISH', sharded, payload)
  if type(told) == 'number' and told > 0 then return told end
  return redis.pcall('PUBLISH', channel, payload)
end
