-- revoke: keeps revocations and tells of those that changed something, in one step.
--
-- KEYS  1 sorted set: subject by until, ms since 1970. 2 hash: subject to at, ms since 1970. 3 the list's version
-- ARGV  1 channel to tell on, 2 new version, 3 how many may be kept, then for each revocation: subject, at, until
-- returns 1, or 0 when more would be kept than may be: then nothing was
-- effects: drops what has expired. Of a subject that is kept the later moments win. For each that changed, the order of
--   src/revocations.ts is published with them. The keys expire with the last of their members.
local EXPIRED_PER_CALL = 1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end

local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now), 'LIMIT', 0, EXPIRED_PER_CALL)
if #expired > 0 then
  redis.call('ZREM', KEYS[1], unpack(expired))
  redis.call('HDEL', KEYS[2], unpack(expired))
end

local strangers, added = {}, 0
for i = 4, #ARGV, 3 do
  local subject = ARGV[i]
  if tonumber(ARGV[i + 2]) > now and not strangers[subject] and not redis.call('ZSCORE', KEYS[1], subject) then
    strangers[subject] = true
    added = added + 1
  end
end
if added > 0 and redis.call('ZCARD', KEYS[1]) + added > tonumber(ARGV[3]) then return 0 end

local changed = false
for i = 4, #ARGV, 3 do
  local subject, at, till = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local keptTill = tonumber(redis.call('ZSCORE', KEYS[1], subject) or -1)
  local keptAt = tonumber(redis.call('HGET', KEYS[2], subject) or -1)
  if till > now and (at > keptAt or till > keptTill) then
    at, till = text(math.max(at, keptAt)), text(math.max(till, keptTill))
    redis.call('ZADD', KEYS[1], till, subject)
    redis.call('HSET', KEYS[2], subject, at)
    local colon = string.find(subject, ':', 1, true)
    redis.call('PUBLISH', ARGV[1], '{"op":"revoke","' .. string.sub(subject, 1, colon - 1) .. '":'
      .. cjson.encode(string.sub(subject, colon + 1)) .. ',"at":' .. at .. ',"until":' .. till .. ',"stored":true}')
    changed = true
  end
end
if changed then
  redis.call('SET', KEYS[3], ARGV[2])
  local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
  for _, key in ipairs(KEYS) do redis.call('PEXPIREAT', key, text(tonumber(last) + 1)) end
end
return 1
