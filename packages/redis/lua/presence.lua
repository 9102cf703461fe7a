-- presence: who is in one channel. Other scripts begin with tell.lua and it.
--
-- Four keys of one slot, all gone when nobody is there:
--   members  sorted set, all scores 0, so in the order of its texts: "<session>\n<lease>\n<user>\n<text>", user as JSON or ""
--   owners   sorted set, likewise: "<lease>\n<session>"
--   users    hash: user as JSON → its sessions
--   meta     hash: sequence, version, anonymous (sessions without a user), mode (joinLeave), listed (maxListed); and
--            "@<session>": the session's count, where it is above 0 or has claims, then the leases of other workers that
--            have the session with the same count (claims; their owners are in the set above), with spaces between
-- Counts are beside the members, and not in them, so that the scripts of versions before them understand what is there.
-- A lease is "<worker>.<number>". No part but the text of a member has a line break. '\11' is the character after '\n'.
--
-- Numbers of a channel that was empty begin with the time in microseconds: above all that it had, because no channel
-- changes a million times a second.
local MAX_NEWS = 32 * 1024

local function text(number) return string.format('%.0f', number) end

local function worker(lease) return string.match(lease, '^[^.]*') end

-- Opens a channel. KEYS in the order above, the destination of its news (tell.lua), and, or '', the stream for its transitions.
local function open(keys, topic, channel, events, maxEvents)
  local c = {members = keys[1], owners = keys[2], users = keys[3], meta = keys[4], topic = topic, name = channel,
    events = events, maxEvents = maxEvents, steps = {}, size = 0, transitions = {}, changed = false}
  local meta = redis.call('HMGET', c.meta, 'sequence', 'version', 'anonymous', 'mode', 'listed')
  if meta[1] then
    c.sequence, c.version, c.anonymous = tonumber(meta[1]), tonumber(meta[2]), tonumber(meta[3])
    c.mode, c.listed = meta[4], tonumber(meta[5])
  else
    -- Without its numbers what is left means nothing.
    redis.call('DEL', c.members, c.owners, c.users)
    local time = redis.call('TIME')
    c.sequence = time[1] * 1000000 + time[2]
    c.version, c.anonymous = c.sequence, 0
    c.mode, c.listed = 'session', 0
  end
  c.sessions = redis.call('ZCARD', c.members)
  return c
end

-- Tells what happened since the last news.
local function publish(c)
  if #c.steps == 0 then return end
  local users = redis.call('HLEN', c.users) + c.anonymous
  local news = '{"sequence":' .. text(c.sequence) .. ',"version":' .. text(c.version) .. ',"users":' .. text(users) ..
    ',"sessions":' .. text(c.sessions)
  if c.sessions <= c.listed then news = news .. ',"steps":[' .. table.concat(c.steps, ',') .. ']' end
  -- Where it is refused, views find the hole by the next news; the numbers have to be right in any case.
  tell(c.topic, news .. '}')
  c.steps, c.size = {}, 0
end

-- `edge`: the first or the last session of its user.
local function note(c, came, edge, shown)
  local told = (edge or c.mode ~= 'user') and 1 or 0
  c.sequence = c.sequence + 1
  c.version = c.version + told
  c.changed = true
  c.steps[#c.steps + 1] = '[' .. came .. ',' .. told .. ',' .. shown .. ']'
  c.size = c.size + #shown
  local before = c.sessions
  c.sessions = before + (came == 1 and 1 or -1)
  if before == 0 or c.sessions == 0 then
    local version = text(c.version)
    if c.events ~= '' then
      local time = redis.call('TIME')
      redis.call('XADD', c.events, 'MAXLEN', '~', c.maxEvents, '*', 'event',
        came == 1 and 'occupied' or 'vacated', 'time', text(time[1] * 1000 + math.floor(time[2] / 1000)),
        'channel', c.name, 'version', version)
    else
      c.transitions[#c.transitions + 1] = came .. ' ' .. version
    end
  end
  if c.size > MAX_NEWS then publish(c) end
end

-- The member of a session, and the parts of it: lease, user, text. Nil when it is not there.
local function find(c, session)
  local entry = redis.call('ZRANGEBYLEX', c.members, '[' .. session .. '\n', '(' .. session .. '\11', 'LIMIT', 0, 1)[1]
  if not entry then return nil end
  return entry, string.match(entry, '^[^\n]*\n([^\n]*)\n([^\n]*)\n(.*)$')
end

-- The count of a session that is there, and the claims of other workers.
local function count(c, session)
  local noted = redis.call('HGET', c.meta, '@' .. session)
  local claims = {}
  if not noted then return 0, claims end
  for claim in string.gmatch(noted, ' ([^ ]+)') do claims[#claims + 1] = claim end
  return tonumber(string.match(noted, '^%d+')), claims
end

local function noteCount(c, session, number, claims)
  if number == 0 and #claims == 0 then
    redis.call('HDEL', c.meta, '@' .. session)
  else
    redis.call('HSET', c.meta, '@' .. session, table.concat({text(number), unpack(claims)}, ' '))
  end
end

-- The claims without those of a worker.
local function without(c, session, claims, name)
  local rest = {}
  for _, claim in ipairs(claims) do
    if worker(claim) ~= name then
      rest[#rest + 1] = claim
    else
      redis.call('ZREM', c.owners, claim .. '\n' .. session)
    end
  end
  return rest
end

local function insert(c, session, lease, user, shown)
  redis.call('ZADD', c.members, 0, session .. '\n' .. lease .. '\n' .. user .. '\n' .. shown)
  redis.call('ZADD', c.owners, 0, lease .. '\n' .. session)
end

local function remove(c, entry, session, lease)
  redis.call('ZREM', c.members, entry)
  redis.call('ZREM', c.owners, lease .. '\n' .. session)
end

local function join(c, session, lease, user, shown, number, claims)
  insert(c, session, lease, user, shown)
  if number > 0 or #claims > 0 then noteCount(c, session, number, claims) end
  local edge = true
  if user == '' then c.anonymous = c.anonymous + 1 else edge = redis.call('HINCRBY', c.users, user, 1) == 1 end
  note(c, 1, edge, shown)
end

local function leave(c, entry, session, lease, user, shown)
  remove(c, entry, session, lease)
  redis.call('HDEL', c.meta, '@' .. session)
  local edge = true
  if user == '' then
    c.anonymous = c.anonymous - 1
  else
    edge = redis.call('HINCRBY', c.users, user, -1) <= 0
    if edge then redis.call('HDEL', c.users, user) end
  end
  note(c, 0, edge, shown)
end

-- The worker of the lease has the session no more. It stays where another has it with the same count.
local function drop(c, session, lease)
  local entry, holder, user, shown = find(c, session)
  if not entry then return end
  local number, claims = count(c, session)
  local rest = without(c, session, claims, worker(lease))
  if worker(holder) ~= worker(lease) then
    if #rest < #claims then noteCount(c, session, number, rest) end
  elseif #rest == 0 then
    leave(c, entry, session, holder, user, shown)
  else
    remove(c, entry, session, holder)
    insert(c, session, table.remove(rest, 1), user, shown)
    noteCount(c, session, number, rest)
  end
end

-- Writes down what has changed, and tells it.
local function settle(c)
  publish(c)
  if c.sessions == 0 then
    redis.call('DEL', c.members, c.owners, c.users, c.meta)
  elseif c.changed then
    redis.call('HSET', c.meta, 'sequence', text(c.sequence), 'version', text(c.version), 'anonymous', text(c.anonymous),
      'mode', c.mode, 'listed', text(c.listed))
  end
end

-- How many members of a lease are there.
local function owned(c, lease)
  return redis.call('ZLEXCOUNT', c.owners, '[' .. lease .. '\n', '(' .. lease .. '\11')
end
