-- ingest-release: gives the lease of the ingest stream back.
--
-- KEYS  1 the lease
-- ARGV  1 who asks
-- returns 1, or 0 when another has it
-- effects: nobody has it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
