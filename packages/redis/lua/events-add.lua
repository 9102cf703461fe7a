-- events-add: adds events for backends to their stream, in order.
--
-- KEYS  1 the stream
-- ARGV  1 about how many entries the stream keeps; then for each event: how many strings, and these: names and values
-- returns ""
-- effects: one entry for each event. The oldest go where there are more than that, in Redis's own portions.
local at = 2
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, at + 1, last))
  at = last + 1
end
return ''
