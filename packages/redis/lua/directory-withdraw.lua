-- directory-withdraw: the worker is gone. Leaves what another has said meanwhile.
--
-- KEYS  1 the worker's entry
-- ARGV  1 the address that it had said
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
