-- presence-read: a page of a channel's members, with the numbers of the same moment.
--
-- KEYS  1 members, 2 users, 3 meta: see presence.lua
-- ARGV  1 session after which the page begins, or "", 2 members at most
-- returns {sequence, version, users, sessions, texts, session to go on after or ""}
-- effects: none.
local meta = redis.call('HMGET', KEYS[3], 'sequence', 'version', 'anonymous')
if not meta[1] then
  -- Where the next life begins is above this.
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000000 + time[2])
  return {now, now, 0, 0, {}, ''}
end
local limit = tonumber(ARGV[2])
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1] .. '\11'
local entries = limit > 0 and redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, limit + 1) or {}
local texts, last = {}, ''
for i = 1, math.min(limit, #entries) do
  local session, shown = string.match(entries[i], '^([^\n]*)\n[^\n]*\n[^\n]*\n(.*)$')
  texts[i] = shown
  last = session
end
local users = redis.call('HLEN', KEYS[2]) + tonumber(meta[3])
return {meta[1], meta[2], users, redis.call('ZCARD', KEYS[1]), texts, #entries > limit and limit > 0 and last or ''}
