/**
 * Settles and leases for one daemon, as `llmproxy_take_leases` does in Postgres; the migration
 * explains the steps. KEYS: members, clock, and each limit. ARGV: the daemon, the dead ones and the
 * entries as JSON, and time and size of the last answer that it received. Returns JSON: {size, rank, at,
 * grants}.
 */
export const takeScript = `
local lost_after, long_lost, forget_after = 2, 3, 60
local who, dead, entries = ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local acked, known = tonumber(ARGV[4]), tonumber(ARGV[5])
local function text(number) return string.format('%.17g', number) end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local clock = redis.call('HMGET', KEYS[2], 'at', 'seconds')
local before, seconds = tonumber(clock[1] or now), tonumber(clock[2] or 0)
now = math.max(now, before)
for _, id in ipairs(dead) do redis.call('HDEL', KEYS[1], id) end
local members, stored = {}, redis.call('HGETALL', KEYS[1])
local withheld = 0
for i = 1, #stored, 2 do
  local seen, size = string.match(stored[i + 1], '^(%S+) (%S+)$')
  local member = { seen = tonumber(seen), size = math.max(2, tonumber(size)) }
  if member.seen < now - forget_after then
    redis.call('HDEL', KEYS[1], stored[i])
  else
    members[stored[i]] = member
    withheld = withheld + math.max(0, now - math.max(before, member.seen + lost_after)) / member.size
  end
end
seconds = seconds + math.max(0, now - before - withheld)
redis.call('HSET', KEYS[2], 'at', text(now), 'seconds', text(seconds))
if not clock[1] then
  for n = 2, known or 1 do
    members['?' .. n] = { seen = now - long_lost, size = math.max(2, known) }
    redis.call('HSET', KEYS[1], '?' .. n, text(now - long_lost) .. ' ' .. known)
  end
elseif acked and not members[who] then
  for id in pairs(members) do
    if string.sub(id, 1, 1) == '?' then
      members[id] = nil
      redis.call('HDEL', KEYS[1], id)
      break
    end
  end
end
local mine, seen = members[who], math.min(now, acked or now)
if mine and acked then seen = math.max(mine.seen, seen) elseif mine then seen = mine.seen end
members[who] = { seen = seen, size = 2 }
local size, rank, away = 0, 0, 0
for id, member in pairs(members) do
  size = size + 1
  if id <= who then rank = rank + 1 end
  member.lost = member.seen < now - lost_after
  if member.lost then away = away + 1 / member.size end
end
redis.call('HSET', KEYS[1], who, text(seen) .. ' ' .. math.min(size, known or size))
local grants = {}
for i, entry in ipairs(entries) do
  local key = KEYS[2 + i]
  local level = entry.level ~= cjson.null and entry.level or nil
  local tokens, since, held = nil, seconds, {}
  stored = redis.call('HGETALL', key)
  for j = 1, #stored, 2 do
    local field, value = stored[j], tonumber(stored[j + 1])
    if field == 'tokens' then tokens = value
    elseif field == 'seconds' then since = value
    else
      local id = string.sub(field, 6)
      if members[id] then held[id] = value else redis.call('HDEL', key, field) end
    end
  end
  tokens = tokens or math.min(entry.burst, level or entry.burst)
  local others, free = 0, nil
  if entry.rate > 0 then
    for id, count in pairs(held) do
      if id ~= who and not members[id].lost then others = others + count end
    end
    local room = math.max(0, entry.burst * math.max(0, 1 - away) - others - entry.held)
    free = tokens + math.max(0, seconds - since) * entry.rate
      + math.min(entry.returned, math.max(0, (held[who] or 0) - entry.held))
    if entry.isFirst and level then free = math.min(free, level) end
    free = math.min(room, math.min(room, free) - entry.owed)
  else
    for id, member in pairs(members) do
      local count = held[id] or 0
      if id ~= who then
        if member.lost then count = math.max(count, math.ceil(entry.burst / member.size)) end
        others = others + count
      end
    end
    free = entry.burst - others - entry.held
  end
  local given = 0
  if math.floor(free) >= math.max(1, entry.least) then given = math.min(entry.want, math.floor(free)) end
  free = free - given
  redis.call('HSET', key, 'tokens', text(free), 'seconds', text(seconds))
  if entry.held + given > 0 then redis.call('HSET', key, 'held ' .. who, text(entry.held + given))
  else redis.call('HDEL', key, 'held ' .. who) end
  redis.call('EXPIRE', key, 86400)
  grants[i] = { granted = given, left = free }
end
return cjson.encode({ size = size, rank = rank, at = text(now), grants = grants })
`;

/**
 * Leaves its share to each daemon that is cut off, as `keepLeaseShares` does in Postgres. KEYS: members,
 * clock. ARGV: the daemons.
 */
export const keepSharesScript = `
local at = tonumber(redis.call('HGET', KEYS[2], 'at'))
if not at then return end
for _, id in ipairs(ARGV) do
  local seen, size = string.match(redis.call('HGET', KEYS[1], id) or '', '^(%S+) (%S+)$')
  if seen and tonumber(seen) < at - 3 then
    redis.call('HSET', KEYS[1], id, string.format('%.17g', at - 3) .. ' ' .. size)
  end
end
`;
