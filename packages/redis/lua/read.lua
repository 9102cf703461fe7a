-- read: a page of a topic's log, with the facts that belong to it, all of one moment. Begins with server-id.lua
-- and touch.lua.
--
-- KEYS  1 top, 2 log: see touch.lua
-- ARGV  1 new epoch, 2 offset to begin with, 3 entries at most, 4 "1": downwards, 5 entries that the log keeps,
--       6 for how long, ms, 7 for how long the top is kept, ms, 8 bytes of data after which the page ends
-- returns {epoch, last offset given out, lowest offset kept, lineage, entries as XRANGE answers}
-- effects: those of touch; expired entries are trimmed.
local epoch, last, lineage = touch(KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[7]))
if not epoch then return last end

local from, limit, size, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function text(number) return string.format('%.0f', number) end
local function kept(entry) return entry ~= nil and tonumber(entry[2][4]) + ttl > now end

-- The lowest offset that is kept: `first`, unless that has expired; then where age passes ttl, found by halving.
local oldest = last + 1
local lowest = redis.pcall('XRANGE', KEYS[2], text(math.max(1, last - size + 1)), text(last), 'COUNT', 1)
if lowest.err then
  if not mend(KEYS[2], last, lowest.err) then return lowest end
  lowest = {}
end
local first = lowest[1]
if first then
  local low = tonumber(string.match(first[1], '^%d+'))
  if kept(first) then
    oldest = low
  else
    low = low + 1
    while low < oldest do
      local middle = math.floor((low + oldest) / 2)
      local id = text(middle)
      if kept(redis.call('XRANGE', KEYS[2], id, id)[1]) then oldest = middle else low = middle + 1 end
    end
    redis.call('XTRIM', KEYS[2], 'MINID', text(oldest))
  end
end

-- Entries are taken a few at once, so that what is copied beyond the page is a few entries, however large.
local MAX_STEP = 8
local entries, bytes = {}, 0
local down = ARGV[4] == '1'
local maxBytes = tonumber(ARGV[8])
local next = down and math.min(from, last) or math.max(from, oldest)
local step = 1
while #entries < limit and next >= oldest and next <= last do
  local count = math.min(step, limit - #entries)
  local some
  if down then
    some = redis.call('XREVRANGE', KEYS[2], text(next), text(oldest), 'COUNT', count)
  else
    some = redis.call('XRANGE', KEYS[2], text(next), text(last), 'COUNT', count)
  end
  if #some == 0 then break end
  local full = false
  for i = 1, #some do
    bytes = bytes + #some[i][2][2]
    full = #entries > 0 and bytes > maxBytes
    if full then break end
    entries[#entries + 1] = some[i]
  end
  if full then break end
  local reached = tonumber(string.match(some[#some][1], '^%d+'))
  next = down and reached - 1 or reached + 1
  step = math.min(step * 2, MAX_STEP)
end
return {epoch, text(last), text(oldest), lineage, entries}
