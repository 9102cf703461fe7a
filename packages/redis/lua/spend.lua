-- spend: uses up what may be used once.
--
-- KEYS  1 what it is
-- ARGV  1 for how long it is remembered, ms: not until when, since the caller's clock may be another
-- returns 1 for the first caller, 0 for all others until then
-- effects: remembers it.
if redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
