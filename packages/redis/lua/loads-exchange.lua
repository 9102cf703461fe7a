-- loads-exchange: says what an instance carries, and returns what all say, by one clock.
--
-- An entry that was not said anew within a lease is taken out; so is one from the future, which another
-- server's clock has left. What is too long for an entry is shown without its text.
--
-- KEYS  1 a hash: instance -> "<when, ms since 1970> <text>"
-- ARGV  1 the instance, 2 its text, 3 the lease, ms, 4 how many instances there may be, 5 bytes of a text
-- returns instance, age in ms, text, for each; false where there are too many
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[3])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
  return false
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now) .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local all = redis.call('HGETALL', KEYS[1])
local answer = {}
for i = 1, #all, 2 do
  local at, text = string.match(all[i + 1], '^(%d+) (.*)$')
  local age = at and now - tonumber(at)
  if not age or age > lease or age < -lease then
    redis.call('HDEL', KEYS[1], all[i])
  else
    if #text > tonumber(ARGV[5]) then text = '' end
    answer[#answer + 1] = all[i]
    answer[#answer + 1] = string.format('%.0f', math.max(0, age))
    answer[#answer + 1] = text
  end
end
return answer
