-- server-id: whose data this is, as far as the server says it. Other scripts begin with it.
--
-- serverId()
-- returns the server's replication id, which changes whenever its data may have gone back; "hidden" where the server does not
--   say it, or does not let this user ask: then nothing tells a promoted replica or a restart (docs/adr/0053). Nil and an
--   error reply where the server is a replica
local function serverId()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' then info = '' end
  local isMaster = string.find(info, 'role:master', 1, true)
  if not isMaster and not string.find(info, 'role:', 1, true) then
    local role = redis.pcall('ROLE')
    isMaster = type(role) ~= 'table' or role.err or role[1] == 'master'
  end
  if not isMaster then return nil, redis.error_reply('READONLY this server is a replica') end
  -- Plain searches: a pattern costs nearly as much as INFO itself.
  local name = 'master_replid:'
  local at = string.find(info, name, 1, true)
  if not at then return 'hidden' end
  return string.sub(info, at + #name, string.find(info, '\r', at, true) - 1)
end
