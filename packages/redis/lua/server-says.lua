-- server-says: whether the server says whose data it has. Begins with server-id.lua.
--
-- returns 1, or 0 where it hides that
-- effects: none.
return serverId() == 'hidden' and 0 or 1
