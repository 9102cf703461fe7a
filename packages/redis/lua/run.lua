-- run: publications of one topic, one after the other in one step, without those that come too late. Other scripts begin
-- with it.
--
-- clock()
-- returns ms since 1970 on the clock of this server, the same for all of a call
--
-- late(deadline)
--   deadline  ms since 1970 on that clock, or "0": none
-- returns an error reply where the deadline is over: the caller was told then that the call has failed. Else false
--
-- run(shared, keys, publish)
--   shared   arguments of the script before those of its publications: for each deadline, "1" or "0", data
--   keys     likewise; then, for each publication with a "1", its record
--   publish  is told the data, and the record or nil; returns a reply, which may be an error
-- returns the replies; from the first error on, that error for each
-- effects: those of publish, which is not called from the first error on.
local now

local function clock()
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end

local function late(deadline)
  if deadline == '0' or clock() <= tonumber(deadline) then return false end
  return redis.error_reply('LATE the deadline of this call is over')
end

local function run(shared, keys, publish)
  local replies, failure = {}, nil
  for at = shared + 1, #ARGV, 3 do
    local record
    if ARGV[at + 1] == '1' then
      keys = keys + 1
      record = KEYS[keys]
    end
    if not failure then
      local done, reply = true, late(ARGV[at])
      if not reply then done, reply = pcall(publish, ARGV[at + 2], record) end
      if not done then
        failure = type(reply) == 'table' and reply.err and reply or redis.error_reply(tostring(reply))
      elseif type(reply) == 'table' and reply.err then
        failure = reply
      else
        replies[#replies + 1] = reply
      end
    end
    if failure then replies[#replies + 1] = failure end
  end
  return replies
end
