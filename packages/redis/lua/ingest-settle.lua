-- ingest-settle: entries of the ingest stream are done with.
--
-- KEYS  1 the ingest stream
-- ARGV  1… ids
-- returns how many were still there
-- effects: they are not in the stream any more.
return redis.call('XDEL', KEYS[1], unpack(ARGV))
