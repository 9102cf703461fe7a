-- ingest-take: settles what was published, takes or renews the lease of the ingest stream, and with it what is to be
-- published next. Only the holder is answered with entries, by the server that decides who that is: one who lost the lease
-- without knowing reads nothing.
--
-- KEYS  1 the ingest stream, 2 its lease
-- ARGV  1 who asks, 2 for how long, ms, 3 entries at most, 4 bytes after which no further entry is read,
--       5 bytes of one value; longer ones are cut to one more, 6 where to begin: "0", an id after which to go on, or ">"
--       with an id, 7… ids to be settled first: see ingest-settle.lua
-- returns false while another holds the lease; else {where to go on, entries, their values}: an id, with ">" in front where
--   the stream ends there. An entry is a line "<id> <length> <length>…", with the lengths of its names and values in turn,
--   in bytes; all of these stand one behind the other in the values
-- effects: those of ingest-settle. Entries stay in the stream until they are settled, so the next holder finds those of an earlier.
local MAX_FIELDS = 16
-- Entries are read a few at once, so that beyond the bytes there are a few at most, however large.
local MAX_STEP = 16

if ARGV[7] then redis.call('XDEL', KEYS[1], unpack(ARGV, 7)) end
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])

local most, maxBytes, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local lines, values, bytes, isEnd = {}, {}, 0, false
local after = string.match(ARGV[6], '%d.*')
local step, largest = 1, 1
while #lines < most and bytes < maxBytes do
  local count = math.min(step, most - #lines, math.max(1, math.floor((maxBytes - bytes) / largest)))
  local some = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', count)
  for _, entry in ipairs(some) do
    local line, size = entry[1], 0
    for i, value in ipairs(entry[2]) do
      if i > 2 * MAX_FIELDS then break end
      if #value > longest then value = string.sub(value, 1, longest + 1) end
      values[#values + 1] = value
      line = line .. ' ' .. #value
      size = size + #value
    end
    lines[#lines + 1] = line
    bytes = bytes + size
    largest = math.max(largest, size)
    after = entry[1]
  end
  isEnd = #some < count
  if isEnd then break end
  step = math.min(2 * step, MAX_STEP)
end
return {(isEnd and '>' or '') .. after, table.concat(lines, '\n'), table.concat(values)}
