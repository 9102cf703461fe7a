-- presence-index: the channels in which a lease has members, and the lease's own end.
--
-- KEYS  1 the index, a set; for "forget": the sorted sets of presence-renew
-- ARGV  1 what to do, 2… with what: "add" or "remove" channels; "sample" so many of them; "forget" the lease
-- returns for "sample" channels, else how many there were
-- effects: as it was told. The index ends with its last channel.
local what = ARGV[1]
if what == 'sample' then return redis.call('SRANDMEMBER', KEYS[1], ARGV[2]) end
if what == 'add' then return redis.call('SADD', KEYS[1], unpack(ARGV, 2)) end
if what == 'remove' then return redis.call('SREM', KEYS[1], unpack(ARGV, 2)) end
return redis.call('ZREM', KEYS[1], ARGV[2]) + redis.call('ZREM', KEYS[2], ARGV[2])
