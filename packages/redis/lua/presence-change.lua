-- presence-change: sessions of one worker join and leave a channel, in one step. Begins with presence.lua.
--
-- KEYS  1 members, 2 owners, 3 users, 4 meta: see presence.lua; 5, optional: the stream of events, where it is on this server
-- ARGV  1 channel of the topic, 2 the channel's name, 3 lease, 4 when it ends, ms, 5 mode, 6 sessions that are listed,
--       7 length of the stream of events; then four for each change: "put", "keep" or "drop", session, user, text
-- returns {members that the lease still has here, transitions that are no events yet, each "1 <version>" or "0 <version>"};
--   false when the lease is over
-- effects: members, their numbers and the news of it; an event for each transition. Of a lease that is over none.
local now = redis.call('TIME')
if tonumber(ARGV[4]) < now[1] * 1000 + math.floor(now[2] / 1000) then return false end

local c = open(KEYS, ARGV[1], ARGV[2], KEYS[5] or '', ARGV[7])
local lease = ARGV[3]
if c.mode ~= ARGV[5] or c.listed ~= tonumber(ARGV[6]) then
  c.mode, c.listed, c.changed = ARGV[5], tonumber(ARGV[6]), true
end

for i = 8, #ARGV, 4 do
  local kind, session, user, shown = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local entry, holder, knownUser, known = find(c, session)
  if entry and kind ~= 'put' and worker(holder) ~= worker(lease) then
    -- Another worker's by now.
  elseif kind == 'drop' then
    if entry then leave(c, entry, session, holder, knownUser, known) end
  elseif not entry then
    join(c, session, lease, user, shown)
  elseif known ~= shown then
    leave(c, entry, session, holder, knownUser, known)
    join(c, session, lease, user, shown)
  elseif holder ~= lease then
    remove(c, entry, session, holder)
    insert(c, session, lease, user, shown)
  end
end
settle(c)
return {owned(c, lease), c.transitions}
