-- ingest-take: takes or renews the lease of the ingest stream, and with it what is to be published next. Only the holder
-- is answered with entries, by the server that decides who that is: one who lost the lease without knowing reads nothing.
--
-- KEYS  1 the ingest stream, 2 its lease
-- ARGV  1 who asks, 2 for how long, ms, 3 consumer group, 4 entries at most, 5 bytes after which no further entry is read,
--       6 bytes of one value; longer ones are cut to one more, 7 where to begin: "0" or an id, with what was handed out
--       and is not settled after that, or ">", with what is new
-- returns false while another holds the lease; else {id after which everything is new, entries, where to go on}, an entry
--   being {id, names and values}, without the latter when somebody deleted it
-- effects: creates stream and group when there is none. Entries are pending until ingest-settle: those of an earlier
--   holder come first, because all holders are one consumer.
local MAX_FIELDS = 16

local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])

local function read(after)
  local reply = redis.pcall('XREADGROUP', 'GROUP', ARGV[3], 'holder', 'COUNT', 1, 'STREAMS', KEYS[1], after)
  if reply and reply.err then
    if not string.find(reply.err, 'NOGROUP', 1, true) then return nil, reply end
    redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[3], '0', 'MKSTREAM')
    return nil
  end
  return reply and reply[1] and reply[1][2][1]
end

local longest = tonumber(ARGV[6])
local entries, bytes, after = {}, 0, ARGV[7]
while #entries < tonumber(ARGV[4]) and bytes < tonumber(ARGV[5]) do
  local entry, problem = read(after)
  if problem then return problem end
  if entry then
    local kept = {}
    for i, value in ipairs(entry[2] or {}) do
      if i > 2 * MAX_FIELDS then break end
      kept[i] = string.sub(value, 1, longest + 1)
      bytes = bytes + #kept[i]
    end
    entries[#entries + 1] = {entry[1], kept}
    if after ~= '>' then after = entry[1] end
  elseif after == '>' then
    break
  else
    after = '>'
  end
end

local last = '0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local facts = {}
  for i = 1, #group, 2 do facts[group[i]] = group[i + 1] end
  if facts['name'] == ARGV[3] then last = facts['last-delivered-id'] end
end
return {last, entries, after}
