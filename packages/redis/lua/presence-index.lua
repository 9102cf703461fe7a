-- presence-index: the channels in which a lease has members, and the lease's own end.
--
-- KEYS  1 the index, a set, 2 its mark that the lease is over; for "close" and "forget": the sorted sets of presence-renew
-- ARGV  1 what to do, 2… with what: "add" or "remove" channels; "sample" so many of them; "shut" the index for so many ms;
--       "close" the lease, 3 when its end should be done, ms from now; "forget" the lease
-- returns for "sample" channels; for "add" -1 when the index is shut; for "close" how long changes under the lease would
--   still be taken, ms; else how many there were
-- effects: as it was told. The index ends with its last channel.
local what = ARGV[1]
if what == 'add' and redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
if what == 'shut' then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
  return 0
end
if what == 'close' then
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[2])
  if not ends then return 0 end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[2])
  return math.max(0, ends - now)
end
if what == 'sample' then return redis.call('SRANDMEMBER', KEYS[1], ARGV[2]) end
if what == 'add' then return redis.call('SADD', KEYS[1], unpack(ARGV, 2)) end
if what == 'remove' then return redis.call('SREM', KEYS[1], unpack(ARGV, 2)) end
return redis.call('ZREM', KEYS[1], ARGV[2]) + redis.call('ZREM', KEYS[2], ARGV[2])
