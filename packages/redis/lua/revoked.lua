-- revoked: a page of the revocations, those that last longest first: what is added between two pages, or expires, moves
-- nothing from a later page to an earlier one.
--
-- KEYS  1 sorted set, 2 hash, 3 version: see revoke.lua
-- ARGV  1 the version that is known, 2 rank to begin with, 3 how many at most
-- returns {version, {subject, until, at, …}}; "" is the version of a list that is gone; an empty list for the version that is known
local version = redis.call('GET', KEYS[3]) or ''
if version == ARGV[1] then return {version, {}} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local from = tonumber(ARGV[2])
local members = redis.call('ZREVRANGE', KEYS[1], from, from + tonumber(ARGV[3]) - 1, 'WITHSCORES')
local subjects, page = {}, {}
for i = 1, #members, 2 do
  if tonumber(members[i + 1]) > now then subjects[#subjects + 1] = members[i] end
end
local ats = #subjects > 0 and redis.call('HMGET', KEYS[2], unpack(subjects)) or {}
for i, subject in ipairs(subjects) do
  page[3 * i - 2], page[3 * i - 1], page[3 * i] = subject, members[2 * i], ats[i] or '0'
end
return {version, page}
