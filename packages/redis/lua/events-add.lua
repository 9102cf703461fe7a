-- events-add: adds events for backends to their stream, in order.
--
-- KEYS  1 the stream
-- ARGV  1 about how many entries the stream keeps, 2 about how many bytes of memory it takes; then for each event: how
--       many strings, and these: names and values
-- returns how many of the oldest entries went because of their bytes
-- effects: one entry for each event. The oldest go where there are more than that, in Redis's own portions, or where all
--   take more memory, as far as this user of Redis may ask how much that is.
local at = 3
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, at + 1, last))
  at = last + 1
end
-- Estimated from a few of its nodes: a constant cost.
local used = redis.pcall('MEMORY', 'USAGE', KEYS[1])
local most = tonumber(ARGV[2])
if type(used) ~= 'number' or used <= most then return 0 end
local length = redis.call('XLEN', KEYS[1])
return redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', math.floor(length * most / used))
