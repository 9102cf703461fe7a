-- ingest-settle: entries of the ingest stream are done with.
--
-- KEYS  1 the ingest stream
-- ARGV  1 consumer group, 2… ids
-- returns how many were still there
-- effects: they are neither pending nor in the stream any more.
redis.call('XACK', KEYS[1], unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
