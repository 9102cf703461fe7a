-- directory-find: where a worker is reached.
--
-- KEYS  1 the worker's entry
-- returns its address, or false when nobody says so
return redis.call('GET', KEYS[1])
