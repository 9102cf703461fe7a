-- presence-read: a page of a channel's members, with the numbers of the same moment.
--
-- KEYS  1 members, 2 users, 3 meta: see presence.lua
-- ARGV  1 session after which the page begins, or "", 2 members at most, 3 bytes of texts after which the page ends
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
local maxBytes = tonumber(ARGV[3])
-- Members are taken some at once, so that what is copied beyond the page is bounded.
local STEP = 64
local texts, last, bytes, more = {}, '', 0, false
while limit > 0 and not more do
  -- One beyond the limit says whether there is more.
  local count = math.min(STEP, limit + 1 - #texts)
  local entries = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, count)
  for i = 1, #entries do
    local session, shown = string.match(entries[i], '^([^\n]*)\n[^\n]*\n[^\n]*\n(.*)$')
    bytes = bytes + #shown
    more = #texts == limit or (#texts > 0 and bytes > maxBytes)
    if more then break end
    texts[#texts + 1] = shown
    last = session
  end
  if #entries < count then break end
  from = '(' .. last .. '\11'
end
local users = redis.call('HLEN', KEYS[2]) + tonumber(meta[3])
return {meta[1], meta[2], users, redis.call('ZCARD', KEYS[1]), texts, more and last or ''}
