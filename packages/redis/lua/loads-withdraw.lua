-- loads-withdraw: an instance carries nothing any more.
--
-- KEYS  1 what all instances say: a hash
-- ARGV  1 the instance
return redis.call('HDEL', KEYS[1], ARGV[1])
