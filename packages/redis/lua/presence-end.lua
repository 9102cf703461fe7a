-- presence-end: members of a lease that is over leave a channel, some at a time. Begins with presence.lua.
--
-- KEYS  1 members, 2 owners, 3 users, 4 meta: see presence.lua; 5, optional: the stream of events, where it is on this server
-- ARGV  1 channel of the topic, 2 the channel's name, 3 lease, 4 members at most, 5 length of the stream of events
-- returns {members that the lease still has here, transitions}, as presence-change does
-- effects: as presence-change has for "drop".
local c = open(KEYS, ARGV[1], ARGV[2], KEYS[5] or '', ARGV[5])
local lease = ARGV[3]
local range = redis.call('ZRANGEBYLEX', c.owners, '[' .. lease .. '\n', '(' .. lease .. '\11', 'LIMIT', 0, ARGV[4])
for _, owner in ipairs(range) do
  local session = string.sub(owner, #lease + 2)
  local entry, holder, user, shown = find(c, session)
  if entry and holder == lease then
    leave(c, entry, session, lease, user, shown)
  else
    redis.call('ZREM', c.owners, owner)
  end
end
settle(c)
return {owned(c, lease), c.transitions}
