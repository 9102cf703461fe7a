-- secret: the one value of the cluster, whoever asks first.
--
-- KEYS  1 the secret
-- ARGV  1 the secret, should there be none yet
-- returns the secret
-- effects: sets it when there is none. It does not expire.
local secret = redis.call('GET', KEYS[1])
if secret then return secret end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
