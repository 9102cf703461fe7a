-- late: whether a call has come too late. Other scripts begin with it.
--
-- late(deadline)
--   deadline  ms since 1970 on the clock of this server, or "0": none
-- returns an error reply where the deadline is over: the caller was told then that the call has failed. Else false
local function late(deadline)
  local last = tonumber(deadline)
  if last == 0 then return false end
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) <= last then return false end
  return redis.error_reply('LATE the deadline of this call is over')
end
