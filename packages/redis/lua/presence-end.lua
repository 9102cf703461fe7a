-- presence-end: members of a lease that is over leave a channel, some at a time. Begins with tell.lua and presence.lua.
--
-- KEYS  1 members, 2 owners, 3 users, 4 meta: see presence.lua; 5 the mark that the lease has ended here;
--       6, optional: the stream of events, where it is on this server
-- ARGV  1 destination of the topic (tell.lua), 2 the channel's name, 3 lease, 4 members at most, 5 length of the stream of events,
--       6 how long the mark stays, ms: changes under the lease would be taken until then
-- returns {members that the lease still has here, transitions}, as presence-change does
-- effects: as presence-change has for "drop". Changes under the lease are refused here from now on, also those on their way.
if tonumber(ARGV[6]) > 0 then redis.call('SET', KEYS[5], '1', 'PX', ARGV[6]) end
local c = open(KEYS, ARGV[1], ARGV[2], KEYS[6] or '', ARGV[5])
local lease = ARGV[3]
local range = redis.call('ZRANGEBYLEX', c.owners, '[' .. lease .. '\n', '(' .. lease .. '\11', 'LIMIT', 0, ARGV[4])
for _, owner in ipairs(range) do
  local session = string.sub(owner, #lease + 2)
  local entry, holder = find(c, session)
  local isUnder = entry and holder == lease
  if entry and not isUnder then
    local _, claims = count(c, session)
    for _, claim in ipairs(claims) do isUnder = isUnder or claim == lease end
  end
  -- What its worker has under a later lease stays.
  if isUnder then drop(c, session, lease) end
  redis.call('ZREM', c.owners, owner)
end
settle(c)
return {owned(c, lease), c.transitions}
