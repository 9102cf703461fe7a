-- presence-change: sessions of one worker join and leave a channel, in one step. Begins with tell.lua and presence.lua.
--
-- KEYS  1 members, 2 owners, 3 users, 4 meta: see presence.lua; 5 the mark that the lease has ended here;
--       6, optional: the stream of events, where it is on this server
-- ARGV  1 destination of the topic (tell.lua), 2 the channel's name, 3 lease, 4 when it ends, ms, 5 mode, 6 sessions that are listed,
--       7 length of the stream of events; then five for each change: "put" or "drop", session, user, text, count
-- returns {members that the lease still has here, transitions that are no events yet, each "1 <version>" or "0 <version>"};
--   false when the lease is over
-- effects: members, their numbers and the news of it; an event for each transition. Of a lease that is over none.
local now = redis.call('TIME')
if tonumber(ARGV[4]) < now[1] * 1000 + math.floor(now[2] / 1000) then return false end
if redis.call('EXISTS', KEYS[5]) == 1 then return false end

local c = open(KEYS, ARGV[1], ARGV[2], KEYS[6] or '', ARGV[7])
local lease = ARGV[3]
if c.mode ~= ARGV[5] or c.listed ~= tonumber(ARGV[6]) then
  c.mode, c.listed, c.changed = ARGV[5], tonumber(ARGV[6]), true
end

-- The session is here, unless another worker has it with a higher count. With the same count both have it.
local function put(session, user, shown, number)
  local entry, holder, knownUser, known = find(c, session)
  if not entry then return join(c, session, lease, user, shown, number, {}) end
  local before, claims = count(c, session)
  local isOurs = worker(holder) == worker(lease)
  if number < before and not isOurs then return end
  local rest = without(c, session, claims, worker(lease))
  if number == before and not isOurs then
    rest[#rest + 1] = lease
    redis.call('ZADD', c.owners, 0, lease .. '\n' .. session)
    return noteCount(c, session, number, rest)
  end
  if number ~= before then
    for _, claim in ipairs(rest) do redis.call('ZREM', c.owners, claim .. '\n' .. session) end
    rest = {}
  end
  if known ~= shown then
    leave(c, entry, session, holder, knownUser, known)
    return join(c, session, lease, user, shown, number, rest)
  end
  if holder ~= lease then
    remove(c, entry, session, holder)
    insert(c, session, lease, user, shown)
  end
  if number ~= before or #rest < #claims then noteCount(c, session, number, rest) end
end

for i = 8, #ARGV, 5 do
  if ARGV[i] == 'drop' then
    drop(c, ARGV[i + 1], lease)
  else
    put(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]))
  end
end
settle(c)
return {owned(c, lease), c.transitions}
