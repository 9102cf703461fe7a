-- batch: several calls of one script in one step, in their order. Begins with a function `call(KEYS, ARGV)`, which is that script.
--
-- KEYS  those of the calls, one after the other
-- ARGV  1 how many calls, then for each of them: how many keys, how many arguments, its arguments
-- returns what each call returned; from the first error on, that error for each
-- effects: those of the calls before the first error.
local replies = {}
local key, at = 0, 1
local failure
for number = 1, tonumber(ARGV[1]) do
  local keys, args = {}, {}
  for i = 1, tonumber(ARGV[at + 1]) do keys[i] = KEYS[key + i] end
  for i = 1, tonumber(ARGV[at + 2]) do args[i] = ARGV[at + 2 + i] end
  key, at = key + #keys, at + 2 + #args
  if not failure then
    local done, reply = pcall(call, keys, args)
    if not done then
      failure = type(reply) == 'table' and reply.err and reply or redis.error_reply(tostring(reply))
    elseif type(reply) == 'table' and reply.err then
      failure = reply
    else
      replies[number] = reply
    end
  end
  if failure then replies[number] = failure end
end
return replies
