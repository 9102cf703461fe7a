-- directory-announce: says where a worker is reached, for as long as it goes on saying so.
--
-- KEYS  1 the worker's entry
-- ARGV  1 its entry, sealed by its instance, 2 for how long, ms
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
