#!lua name=bl

-- Every write to a shard of books or purses goes through one of these functions.
--
-- The rule for all: parse and validate every argument, check everything, and only then write. The server keeps a
-- call's writes whole or not at all across a crash, but an error raised midway does not undo what was written before.
-- All keys of a call carry one hash tag, so a call touches one shard.
--
-- Answers are arrays whose first element says what happened. An error reply (BADARG, BROKEN) is always a bug of ours.
-- Money is whole cents. A number of Lua is a double: exact up to 2^53, and written with %.0f because tostring() turns
-- to scientific notation from 10^14 on.

local GENESIS_HASH = '0000000000000000000000000000000000000000'
local LARGEST_CENTS = 1e13
local LARGEST_TOTAL_CENTS = 1e15

-- ---------------------------------------------------------------------------------------------------- arguments

local function bad_argument(name, value)
  error({err = 'BADARG ' .. name .. ': ' .. string.sub(tostring(value), 1, 80)})
end

local function whole(name, text, most)
  if type(text) ~= 'string' or not string.match(text, '^%d+$') or #text > 16 then bad_argument(name, text) end
  local number = tonumber(text)
  if number > most then bad_argument(name, text) end
  return number
end

local function cents(name, text)
  return whole(name, text, LARGEST_CENTS)
end

local function count(name, text)
  return whole(name, text, 2 ^ 53)
end

-- Ids go into JSON and into '|'-separated records as they are, so nothing that needs escaping may be in them.
local function id(name, text)
  if type(text) ~= 'string' or #text > 200 or not string.match(text, '^[%w%.:_/@+=~-]+$') then
    bad_argument(name, text)
  end
  return text
end

local function instant(name, text)
  if type(text) ~= 'string' or not string.match(text, '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$') then
    bad_argument(name, text)
  end
  return text
end

-- What lending counts against: ids that differ, with commas between, or '-' for none. The text is kept in records as it is.
local function limit_keys(text)
  local keys, seen = {}, {}
  if text == '-' then return keys end
  for key in string.gmatch(text .. ',', '([^,]*),') do
    if seen[id('limit key', key)] then bad_argument('limit keys', text) end
    seen[key] = true
    keys[#keys + 1] = key
  end
  return keys
end

local function arguments_exactly(args, expected)
  if #args ~= expected then bad_argument('number of arguments', #args) end
end

local function digits(number)
  return string.format('%.0f', number)
end

-- ---------------------------------------------------------------------------------------------------- journal

local function head(state_key)
  local fields = redis.call('HMGET', state_key, 'seq', 'hash')
  return {key = state_key, seq = tonumber(fields[1] or '0'), hash = fields[2] or GENESIS_HASH}
end

-- Number an entry and chain it to the one before, without writing.
local function number_entry(journal, entry)
  journal.seq = journal.seq + 1
  journal.hash = redis.sha1hex(journal.hash .. '.' .. digits(journal.seq) .. '.' .. entry.payload)
  entry.seq, entry.hash = journal.seq, journal.hash
end

-- The first write of a call: should the stream hold more than the state says, XADD refuses and nothing has been written.
local function write_entries(journal, stream_key, entries)
  for _, entry in ipairs(entries) do
    redis.call('XADD', stream_key, digits(entry.seq) .. '-0', 't', entry.kind, 'c', entry.company, 'l', entry.lender,
      'id', entry.cause, 'd', entry.payload, 'h', entry.hash)
  end
  redis.call('HSET', journal.key, 'seq', digits(journal.seq), 'hash', journal.hash)
end

-- wm_put: what is recorded elsewhere never goes back, and only counts when it is this journal's own history.
redis.register_function('wm_put', function(keys, args)
  local state_key, stream_key = keys[1], keys[2]
  arguments_exactly(args, 2)
  local seq, hash = count('seq', args[1]), args[2]
  local own = GENESIS_HASH
  if seq > 0 then
    local entry = redis.call('XRANGE', stream_key, digits(seq) .. '-0', digits(seq) .. '-0')[1]
    if not entry then return {'DIVERGED'} end
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'h' then own = entry[2][i + 1] end
    end
  end
  if own ~= hash then return {'DIVERGED'} end
  if seq > tonumber(redis.call('HGET', state_key, 'wm_pg') or '0') then
    redis.call('HSET', state_key, 'wm_pg', digits(seq))
  end
  return {'OK'}
end)

-- ---------------------------------------------------------------------------------------------------- decided commands

-- Outcomes live in two hashes that take turns by the day, so each is kept for two days without a timer.

local function today()
  return math.floor(tonumber(redis.call('TIME')[1]) / 86400)
end

local function outcome_of(even_key, odd_key, command_id)
  local since = today() - 1
  local found
  for _, key in ipairs({even_key, odd_key}) do
    local fields = redis.call('HMGET', key, '#day', command_id)
    if fields[2] and tonumber(fields[1]) >= since and (not found or found == 'queued') then found = fields[2] end
  end
  return found
end

local function note_outcome(even_key, odd_key, command_id, outcome)
  local day = today()
  local key = day % 2 == 0 and even_key or odd_key
  if tonumber(redis.call('HGET', key, '#day') or '-1') < day then
    redis.call('DEL', key)
    redis.call('HSET', key, '#day', digits(day))
  end
  redis.call('HSET', key, command_id, outcome)
end

-- mb_put: a command enters its book's mailbox once, if there is room.
-- keys: mailbox, queued counts, outcomes of even days, of odd days
-- args: company, command id, envelope, now_ms and deadline_ms ('' for none) by the sender's clock, caps, retry_ms
redis.register_function('mb_put', function(keys, args)
  arguments_exactly(args, 8)
  local company, command_id, envelope = id('company', args[1]), id('command', args[2]), args[3]
  local now_ms = count('now_ms', args[4])
  local deadline_ms = args[5] ~= '' and count('deadline_ms', args[5]) or nil
  local company_cap, shard_cap = count('company cap', args[6]), count('shard cap', args[7])
  local retry_ms = count('retry_ms', args[8])

  local outcome = outcome_of(keys[3], keys[4], command_id)
  if outcome == 'queued' then return {'QUEUED'} end
  if outcome then return {'DECIDED', outcome} end
  if deadline_ms and now_ms >= deadline_ms then return {'BUSY', 0} end
  if tonumber(redis.call('HGET', keys[2], company) or '0') >= company_cap then return {'BUSY', retry_ms} end
  if redis.call('XLEN', keys[1]) >= shard_cap then return {'BUSY', retry_ms} end

  redis.call('XADD', keys[1], '*', 'c', company, 'id', command_id, 'e', envelope)
  redis.call('HINCRBY', keys[2], company, 1)
  note_outcome(keys[3], keys[4], command_id, 'queued')
  return {'QUEUED'}
end)

-- ---------------------------------------------------------------------------------------------------- ownership

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- lease: who may write a shard. Each new owner gets a higher epoch, and the epoch is what `turn` checks: an owner that
-- overslept its time is harmless. An owner that asks again under its own name is a restarted one: it gets a new epoch.
-- args: acquire owner lease_ms | renew owner epoch lease_ms | drain owner epoch | release owner [epoch]
redis.register_function('lease', function(keys, args)
  local step, owner = args[1], id('owner', args[2])
  local now = now_ms()
  local fields = redis.call('HMGET', keys[1], 'owner', 'epoch', 'until_ms', 'draining')
  local holder, epoch = fields[1] or '', tonumber(fields[2] or '0')
  local until_ms, draining = tonumber(fields[3] or '0'), fields[4] == '1'

  if step == 'acquire' then
    local lease_ms = count('lease_ms', args[3])
    if holder ~= '' and holder ~= owner and until_ms > now then
      return {'HELD', holder, until_ms - now, draining and 1 or 0}
    end
    redis.call('HSET', keys[1], 'owner', owner, 'epoch', digits(epoch + 1), 'until_ms', digits(now + lease_ms),
      'draining', '0')
    return {'OK', epoch + 1}
  end

  if holder ~= owner or (args[3] and count('epoch', args[3]) ~= epoch) then return {'FENCED', holder, epoch} end
  if step == 'renew' then
    redis.call('HSET', keys[1], 'until_ms', digits(now + count('lease_ms', args[4])))
  elseif step == 'drain' then
    redis.call('HSET', keys[1], 'draining', '1')
  elseif step == 'release' then
    redis.call('HSET', keys[1], 'owner', '', 'until_ms', '0', 'draining', '0')
  else
    bad_argument('step', step)
  end
  return {'OK', epoch}
end)

-- turn: append a turn's events and take the commands that caused them out of the mailbox, in one step.
-- keys: lease, state, mailbox, queued counts, outcomes of even days, of odd days, journal
-- args: epoch, expected seq, expected mailbox position, low-water seq, number of events, number of commands,
--       per event: type, company, lender, cause, payload
--       per command: mailbox entry, company, command id, outcome (ok, refused; '' when decided before), deciding event
redis.register_function('turn', function(keys, args)
  local epoch, seq, position = count('epoch', args[1]), count('seq', args[2]), args[3]
  local low_water, events, commands = count('lw', args[4]), count('events', args[5]), count('commands', args[6])
  arguments_exactly(args, 6 + 5 * events + 5 * commands)

  if tonumber(redis.call('HGET', keys[1], 'epoch') or '0') ~= epoch then
    return {'FENCED', redis.call('HGET', keys[1], 'epoch') or '0'}
  end
  local journal = head(keys[2])
  local fields = redis.call('HMGET', keys[2], 'mbpos', 'lw')
  if journal.seq ~= seq or (fields[1] or '0-0') ~= position then
    return {'CONFLICT', digits(journal.seq), journal.hash, fields[1] or '0-0'}
  end
  if low_water > seq then bad_argument('lw', args[4]) end

  local entries = {}
  for i = 1, events do
    local at = 6 + 5 * (i - 1)
    local entry = {kind = id('type', args[at + 1]), company = id('company', args[at + 2]),
      lender = id('lender', args[at + 3]), cause = id('cause', args[at + 4]), payload = args[at + 5]}
    number_entry(journal, entry)
    entries[i] = entry
  end

  local consumed = {}
  for i = 1, commands do
    local at = 6 + 5 * events + 5 * (i - 1)
    local taken = {entry = args[at + 1], company = id('company', args[at + 2]), command = id('command', args[at + 3])}
    local waiting = redis.call('XRANGE', keys[3], taken.entry, taken.entry)[1]
    if not waiting or waiting[2][2] ~= taken.company or waiting[2][4] ~= taken.command then
      bad_argument('mailbox entry', taken.entry)
    end
    if args[at + 4] ~= '' then
      local before = outcome_of(keys[5], keys[6], taken.command)
      if before and before ~= 'queued' then return {'DECIDED', taken.command, before} end
      if args[at + 4] ~= 'ok' and args[at + 4] ~= 'refused' then bad_argument('outcome', args[at + 4]) end
      local place = count('deciding event', args[at + 5])
      if place >= events then bad_argument('deciding event', args[at + 5]) end
      taken.outcome = args[at + 4] .. ':' .. digits(seq + 1 + place)
    end
    consumed[i] = taken
  end

  write_entries(journal, keys[7], entries)
  for _, taken in ipairs(consumed) do
    redis.call('XDEL', keys[3], taken.entry)
    if redis.call('HINCRBY', keys[4], taken.company, -1) <= 0 then redis.call('HDEL', keys[4], taken.company) end
    if taken.outcome then note_outcome(keys[5], keys[6], taken.command, taken.outcome) end
    position = taken.entry
  end
  redis.call('HSET', keys[2], 'mbpos', position, 'lw', digits(math.max(low_water, tonumber(fields[2] or '0'))))
  return {'OK', digits(journal.seq), journal.hash}
end)

-- rest: the owner has nothing left to do for what the journal holds up to `seq`.
-- keys: lease, state; args: epoch, seq
redis.register_function('rest', function(keys, args)
  arguments_exactly(args, 2)
  local epoch, seq = count('epoch', args[1]), count('seq', args[2])
  if tonumber(redis.call('HGET', keys[1], 'epoch') or '0') ~= epoch then return {'FENCED'} end
  if head(keys[2]).seq ~= seq then return {'CONFLICT'} end
  redis.call('HSET', keys[2], 'rest', digits(seq))
  return {'OK'}
end)

-- ---------------------------------------------------------------------------------------------------- purses

local BUCKETS = {'free', 'taken', 'sent', 'held', 'in', 'out'}
local FIGURES = {'free', 'taken', 'sent', 'held', 'in', 'out', 'ver', 'reserve', 'kept', 'fresh'}

local function spendable(purse)
  return math.max(0, purse.free - purse.reserve - purse.kept)
end

local function load_purse(key, lender)
  if string.sub(key, -(#lender + 3)) ~= ':p:' .. lender then bad_argument('purse key', key) end
  local texts = redis.call('HMGET', key, 'cash_since', 'fresh_at')
  local purse = {key = key, lender = lender, limit = {}, use = {}, cash_since = texts[1], fresh_at = texts[2]}
  local values = redis.call('HMGET', key, unpack(FIGURES))
  for i, name in ipairs(FIGURES) do purse[name] = tonumber(values[i] or '0') end
  purse.shown = spendable(purse)
  return purse
end

-- A purse keeps limit and use of each key, never the room left: a lowered limit takes nothing back. Use is counted
-- whether or not the key has a limit, so that one set tomorrow is right.
local function load_use(purse, key)
  if not purse.use[key] then
    local fields = redis.call('HMGET', purse.key, 'l:' .. key, 'u:' .. key)
    purse.limit[key] = fields[1] and tonumber(fields[1]) or nil
    purse.use[key] = tonumber(fields[2] or '0')
  end
end

local function add_use(purse, keys, amount)
  for _, key in ipairs(keys) do
    load_use(purse, key)
    purse.use[key] = purse.use[key] + amount
  end
end

-- Money that became spendable at the latest instant at which any did is fresh, all before it rests; resting money is
-- spent first. A step that was late on its way counts as if it had come at that instant.
local function note_fresh(purse, at)
  local before, after = purse.shown, spendable(purse)
  purse.shown = after
  if after > before then
    -- Without its Z an instant sorts as text: a fraction of a second is the longer one.
    local is_newer = not purse.fresh_at or string.sub(at, 1, -2) > string.sub(purse.fresh_at, 1, -2)
    purse.fresh = (is_newer and 0 or purse.fresh) + after - before
    if is_newer then purse.fresh_at = at end
  end
  purse.fresh = math.min(purse.fresh, after)
end

local function check_purse(purse)
  local sound = purse.free + purse.taken + purse.sent + purse.held + purse.out - purse['in'] == 0
    and purse.kept <= purse.free and purse['in'] <= LARGEST_TOTAL_CENTS
  for _, name in ipairs(FIGURES) do sound = sound and purse[name] >= 0 end
  for _, used in pairs(purse.use) do sound = sound and used >= 0 end
  if not sound then error({err = 'BROKEN purse ' .. purse.lender .. ': a bucket would be negative or the sum not zero'}) end
end

local function write_purse(purse)
  local fields = {}
  for _, name in ipairs(FIGURES) do
    fields[#fields + 1] = name
    fields[#fields + 1] = digits(purse[name])
  end
  for key, used in pairs(purse.use) do
    fields[#fields + 1] = 'u:' .. key
    fields[#fields + 1] = digits(used)
  end
  for _, name in ipairs({'cash_since', 'fresh_at'}) do
    if purse[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = purse[name]
    end
  end
  redis.call('HSET', purse.key, unpack(fields))
end

-- A purse's event, once the purse has changed, in the field order of marketplace/book/purse_events.py. `more` holds its own
-- fields as JSON, each after a comma.
local function purse_entry(purse, kind, ref, at, more)
  note_fresh(purse, at)
  local payload = string.format('{"type":"%s","lender_id":"%s","ref":"%s","at":"%s","ver":%.0f,"free_cents":%.0f%s}',
    kind, purse.lender, ref, at, purse.ver, spendable(purse), more)
  return {kind = kind, company = '-', lender = purse.lender, cause = ref, payload = payload}
end

local function cents_field(amount)
  return string.format(',"cents":%.0f', amount)
end

-- ---------------------------------------------------------------------------------------------------- fills

-- A fill's record: its terms, its decision (seq, ver, free) and, once it has ended, its end (seq, ver, free).
local FILL_FIELDS = {'state', 'lender', 'strategy', 'cover', 'want', 'min', 'replaces', 'keys', 'cents', 'seq', 'ver',
  'free', 'posted_seq', 'end_seq', 'end_ver', 'end_free'}
local FILL_NUMBERS = {want = true, min = true, cents = true, seq = true, ver = true, free = true, posted_seq = true,
  end_seq = true, end_ver = true, end_free = true}

local function read_fill(fills_key, fill_id)
  local text = redis.call('HGET', fills_key, fill_id)
  if not text then return nil end
  local record, i = {}, 0
  for value in string.gmatch(text, '[^|]+') do
    i = i + 1
    local name = FILL_FIELDS[i]
    record[name] = FILL_NUMBERS[name] and tonumber(value) or value
  end
  return record
end

local function write_fill(fills_key, fill_id, record)
  local values = {}
  for i, name in ipairs(FILL_FIELDS) do
    values[i] = FILL_NUMBERS[name] and digits(record[name]) or record[name]
  end
  redis.call('HSET', fills_key, fill_id, table.concat(values, '|'))
end

local function end_fill(record, state, purse, seq)
  record.state, record.end_seq, record.end_ver, record.end_free = state, seq, purse.ver, spendable(purse)
end

local function fill_seq(fill_id, book_shard)
  local shard, seq = string.match(fill_id, '^(bk%d+)%.(%d+)%.%d+$')
  if shard ~= book_shard then bad_argument('fill', fill_id) end
  return tonumber(seq)
end

-- What one call on several fills has read and planned; nothing of it is written before `write_batch`.
local function begin_batch(keys, args)
  local batch = {journal = head(keys[1]), stream_key = keys[2], fills_key = keys[3], low_water_key = keys[4],
    entries = {}, fills = {}, changed = {}, purses = {}, order = {}}
  batch.book_shard = id('book shard', args[1])
  batch.told_low_water = count('lw', args[2])
  batch.low_water = math.max(batch.told_low_water,
    tonumber(redis.call('HGET', keys[4], batch.book_shard) or '0'))
  batch.at = instant('at', args[3])
  return batch
end

local function batch_fill(batch, fill_id)
  if not batch.fills[fill_id] then batch.fills[fill_id] = read_fill(batch.fills_key, fill_id) end
  return batch.fills[fill_id]
end

local function batch_purse(batch, key, lender)
  if not batch.purses[lender] then
    batch.purses[lender] = load_purse(key, lender)
    batch.order[#batch.order + 1] = lender
  end
  return batch.purses[lender]
end

local function change_fill(batch, fill_id, record)
  batch.fills[fill_id] = record
  batch.changed[#batch.changed + 1] = fill_id
end

local function add_entry(batch, purse, kind, fill_id, more)
  local entry = purse_entry(purse, kind, fill_id, batch.at, more)
  number_entry(batch.journal, entry)
  batch.entries[#batch.entries + 1] = entry
  return entry.seq
end

local function write_batch(batch)
  for _, lender in ipairs(batch.order) do check_purse(batch.purses[lender]) end
  if #batch.entries > 0 then
    write_entries(batch.journal, batch.stream_key, batch.entries)
    for _, lender in ipairs(batch.order) do write_purse(batch.purses[lender]) end
    for _, fill_id in ipairs(batch.changed) do write_fill(batch.fills_key, fill_id, batch.fills[fill_id]) end
  end
  if batch.told_low_water == batch.low_water then
    redis.call('HSET', batch.low_water_key, batch.book_shard, digits(batch.low_water))
  end
end

-- What the purse can promise: cash beyond reserve and kept money, within the limits of the keys named. What the replaced
-- promise counts against a key is room again; what the same strategy held is granted whatever the limits have become.
local function grant(purse, call, replaced)
  local old = replaced and replaced.cents or 0
  local given_back = {}
  for _, key in ipairs(replaced and limit_keys(replaced.keys) or {}) do given_back[key] = old end
  local granted = math.min(call.want, math.max(0, purse.free + old - purse.reserve - purse.kept))
  for _, key in ipairs(call.limit_keys) do
    load_use(purse, key)
    local limit = purse.limit[key]
    if limit then granted = math.min(granted, math.max(0, limit - purse.use[key] + (given_back[key] or 0))) end
  end
  if replaced and replaced.strategy == call.strategy then granted = math.max(granted, math.min(call.want, old)) end
  if granted < math.max(call.least, math.min(call.want, old)) then return 0 end
  return granted
end

local function decide_take(batch, purse, call)
  local replaced
  if call.replaces ~= '-' then
    replaced = batch_fill(batch, call.replaces)
    if not replaced or replaced.state ~= 'taken' or replaced.lender ~= call.lender then replaced = false end
  end
  local granted = replaced == false and 0 or grant(purse, call, replaced)
  local record = {state = 'denied', lender = call.lender, strategy = call.strategy, cover = call.cover,
    want = call.want, min = call.least, replaces = call.replaces, keys = call.keys, cents = granted, posted_seq = 0,
    end_seq = 0, end_ver = 0, end_free = 0}
  if granted > 0 then
    local old = replaced and replaced.cents or 0
    purse.free, purse.taken, purse.ver = purse.free + old - granted, purse.taken + granted - old, purse.ver + 1
    if replaced then add_use(purse, limit_keys(replaced.keys), -old) end
    add_use(purse, call.limit_keys, granted)
    record.state = 'taken'
    local keys = #call.limit_keys > 0 and '"' .. table.concat(call.limit_keys, '","') .. '"' or ''
    record.seq = add_entry(batch, purse, 'fill_taken', call.fill, string.format(
      ',"strategy_id":"%s","limit_keys":[%s],"want_cents":%.0f,"cents":%.0f,"replaced_fill_id":%s,"replaced_cents":%.0f',
      call.strategy, keys, call.want, granted, replaced and '"' .. call.replaces .. '"' or 'null', old))
    if replaced then
      end_fill(replaced, 'replaced', purse, record.seq)
      change_fill(batch, call.replaces, replaced)
    end
  else
    record.seq = add_entry(batch, purse, 'fill_denied', call.fill, string.format(',"want_cents":%.0f', call.want))
  end
  record.ver, record.free = purse.ver, spendable(purse)
  change_fill(batch, call.fill, record)
end

-- A record says 'taken' until the money is used, so a repeated take of a closed fill is told of the close.
local function recorded_answer(record)
  if record.state == 'taken' or record.state == 'denied' then
    return {record.state, digits(record.cents), digits(record.ver), digits(record.free)}
  end
  return {record.state, '0', digits(record.end_ver), digits(record.end_free)}
end

-- take: decide the fills that a book proposes, each once.
-- keys: state, journal, fills, low water, then the purse of each fill
-- args: book shard, its low-water seq, at, number,
--       per fill: id, cover, lender, strategy, cents, least, replaces or '-', limit keys with commas between or '-'
-- answers per fill: taken | denied | <state it has been closed in>, cents, ver, free; or STALE; or MISMATCH
redis.register_function('take', function(keys, args)
  local batch = begin_batch(keys, args)
  local number = whole('number of fills', args[4], 100)
  arguments_exactly(args, 4 + 8 * number)
  local answers = {}
  for i = 1, number do
    local at = 4 + 8 * (i - 1)
    local call = {fill = id('fill', args[at + 1]), cover = id('cover', args[at + 2]), lender = id('lender', args[at + 3]),
      strategy = id('strategy', args[at + 4]), want = cents('cents', args[at + 5]), least = cents('least', args[at + 6]),
      replaces = id('replaces', args[at + 7]), keys = args[at + 8], limit_keys = limit_keys(args[at + 8])}
    if call.want < 1 or call.least < 1 then bad_argument('cents', args[at + 5]) end
    local seq = fill_seq(call.fill, batch.book_shard)
    local purse = batch_purse(batch, keys[4 + i], call.lender)
    local record = batch_fill(batch, call.fill)
    if record and record.state ~= 'void' and (record.lender ~= call.lender or record.strategy ~= call.strategy
        or record.cover ~= call.cover or record.want ~= call.want or record.min ~= call.least
        or record.replaces ~= call.replaces or record.keys ~= call.keys) then
      answers[i] = {'MISMATCH'}
    elseif not record and seq <= batch.low_water then
      answers[i] = {'STALE'}
    else
      if not record then decide_take(batch, purse, call) end
      answers[i] = recorded_answer(batch_fill(batch, call.fill))
    end
  end
  write_batch(batch)
  return answers
end)

local function give_back(purse, record)
  add_use(purse, limit_keys(record.keys), -record.cents)
  purse.free, purse.ver = purse.free + record.cents, purse.ver + 1
end

-- release: give fills up. What was promised is free again; what was never decided can never be promised any more.
-- keys: state, journal, fills, low water, then the purse of each fill
-- args: book shard, its low-water seq, at, number, per fill: id, cover, lender
-- answers per fill: released | void | denied | replaced | gone, 0, ver, free; or REFUSED state; or MISMATCH
redis.register_function('release', function(keys, args)
  local batch = begin_batch(keys, args)
  local number = whole('number of fills', args[4], 100)
  arguments_exactly(args, 4 + 3 * number)
  local answers = {}
  for i = 1, number do
    local at = 4 + 3 * (i - 1)
    local fill, cover, lender = id('fill', args[at + 1]), id('cover', args[at + 2]), id('lender', args[at + 3])
    local seq = fill_seq(fill, batch.book_shard)
    local purse = batch_purse(batch, keys[4 + i], lender)
    local record = batch_fill(batch, fill)
    if record and (record.lender ~= lender or record.cover ~= cover) then
      answers[i] = {'MISMATCH'}
    elseif record and (record.state == 'sent' or record.state == 'lent' or record.state == 'refunded') then
      answers[i] = {'REFUSED', record.state}
    elseif not record and seq <= batch.low_water then
      answers[i] = {'gone', '0', digits(purse.ver), digits(spendable(purse))}
    else
      if not record then
        record = {state = 'void', lender = lender, strategy = '-', cover = cover, want = 0, min = 0, replaces = '-',
          keys = '-', cents = 0, seq = 0, ver = 0, free = 0, posted_seq = 0, end_seq = 0, end_ver = 0, end_free = 0}
        end_fill(record, 'void', purse, add_entry(batch, purse, 'fill_voided', fill, ''))
        change_fill(batch, fill, record)
      elseif record.state == 'taken' then
        give_back(purse, record)
        purse.taken = purse.taken - record.cents
        end_fill(record, 'released', purse, add_entry(batch, purse, 'fill_released', fill, cents_field(record.cents)))
        change_fill(batch, fill, record)
      end
      answers[i] = recorded_answer(record)
      answers[i][2] = '0'
    end
  end
  write_batch(batch)
  return answers
end)

-- ---------------------------------------------------------------------------------------------------- payments of fills

local function write_step(journal, stream_key, purse, entry)
  check_purse(purse)
  number_entry(journal, entry)
  write_entries(journal, stream_key, {entry})
  write_purse(purse)
end

-- post, refund, lend: what payments do with a promise, once each.
-- keys: state, journal, fills, purse; args: fill, lender, cents (0: what was promised), at
-- `from` are the states the step starts in, `done` those in which it has already happened.
local function fill_step(name, kind, from, done, move)
  redis.register_function(name, function(keys, args)
    arguments_exactly(args, 4)
    local fill, lender, amount = id('fill', args[1]), id('lender', args[2]), cents('cents', args[3])
    local at = instant('at', args[4])
    local journal = head(keys[1])
    local purse = load_purse(keys[4], lender)
    local record = read_fill(keys[3], fill)
    if not record then return {'UNKNOWN'} end
    if record.lender ~= lender or (amount ~= 0 and amount ~= record.cents) then return {'MISMATCH'} end
    if done(record) then return {'ALREADY', record.state} end
    if not from[record.state] then return {'WRONGSTATE', record.state} end
    local seq = journal.seq + 1
    move(purse, record, seq)
    write_step(journal, keys[2], purse, purse_entry(purse, kind, fill, at, cents_field(record.cents)))
    write_fill(keys[3], fill, record)
    return {'OK', record.state}
  end)
end

fill_step('post', 'fill_sent', {taken = true},
  function(record) return record.posted_seq > 0 end,
  function(purse, record, seq)
    purse.taken, purse.sent, purse.ver = purse.taken - record.cents, purse.sent + record.cents, purse.ver + 1
    record.state, record.posted_seq = 'sent', seq
  end)

fill_step('refund', 'fill_refunded', {taken = true, sent = true},
  function(record) return record.state == 'refunded' end,
  function(purse, record, seq)
    purse[record.state] = purse[record.state] - record.cents
    give_back(purse, record)
    end_fill(record, 'refunded', purse, seq)
  end)

-- Lent money still counts against its limits: it is at risk until its principal comes back.
fill_step('lend', 'fill_lent', {sent = true},
  function(record) return record.state == 'lent' end,
  function(purse, record, seq)
    purse.sent, purse.out, purse.ver = purse.sent - record.cents, purse.out + record.cents, purse.ver + 1
    end_fill(record, 'lent', purse, seq)
  end)

-- ---------------------------------------------------------------------------------------------------- other movements

-- deposit: money arrived. Cash counts as waiting since the deposit that found nothing to spend.
-- keys: state, journal, done references, purse; args: ref, lender, cents, reserved, at
redis.register_function('deposit', function(keys, args)
  arguments_exactly(args, 5)
  local ref, lender, amount = id('ref', args[1]), id('lender', args[2]), cents('cents', args[3])
  local reserved, at = cents('reserved', args[4]), instant('at', args[5])
  if amount < 1 or reserved > amount then bad_argument('cents', args[3] .. ' with reserved ' .. args[4]) end
  local journal = head(keys[1])
  local purse = load_purse(keys[4], lender)
  local terms = lender .. '|' .. digits(amount) .. '|' .. digits(reserved)
  local done = redis.call('HGET', keys[3], 'deposit:' .. ref)
  if done then return {done == terms and 'ALREADY' or 'MISMATCH'} end

  if spendable(purse) == 0 then purse.cash_since = at end
  purse.free, purse['in'], purse.kept = purse.free + amount, purse['in'] + amount, purse.kept + reserved
  purse.ver = purse.ver + 1
  write_step(journal, keys[2], purse,
    purse_entry(purse, 'deposited', ref, at, string.format(',"cents":%.0f,"reserved_cents":%.0f', amount, reserved)))
  redis.call('HSET', keys[3], 'deposit:' .. ref, terms)
  return {'OK'}
end)

-- Limit keys with cents, as arguments `number, key, cents, ...` from `args[first]` on: their JSON, and each pair.
local function cents_by_key(args, first)
  local number = whole('number of limit keys', args[first], 1000)
  arguments_exactly(args, first + 2 * number)
  local pairs_of, json = {}, {}
  for i = 1, number do
    local key, amount = id('limit key', args[first + 2 * i - 1]), cents('cents', args[first + 2 * i])
    pairs_of[i], json[i] = {key, amount}, string.format('"%s":%.0f', key, amount)
  end
  return table.concat(json, ','), pairs_of
end

-- limits: replace the reserve and the limits of all keys. What is promised beyond them stays promised.
-- keys: state, journal, done references, purse; args: ref, lender, reserve, at, number, per limit: key, cents
redis.register_function('limits', function(keys, args)
  local ref, lender, reserve = id('ref', args[1]), id('lender', args[2]), cents('reserve', args[3])
  local at = instant('at', args[4])
  local json, new_limits = cents_by_key(args, 5)
  local journal = head(keys[1])
  local purse = load_purse(keys[4], lender)
  local terms = lender .. '|' .. digits(reserve) .. '|' .. json
  local done = redis.call('HGET', keys[3], 'limits:' .. ref)
  if done then return {done == terms and 'ALREADY' or 'MISMATCH'} end

  purse.reserve, purse.ver = reserve, purse.ver + 1
  write_step(journal, keys[2], purse, purse_entry(purse, 'limits_set', ref, at,
    string.format(',"reserve_cents":%.0f,"strategy_limits":{%s}', reserve, json)))
  for _, field in ipairs(redis.call('HKEYS', purse.key)) do
    if string.sub(field, 1, 2) == 'l:' then redis.call('HDEL', purse.key, field) end
  end
  for _, limit in ipairs(new_limits) do redis.call('HSET', purse.key, 'l:' .. limit[1], digits(limit[2])) end
  redis.call('HSET', keys[3], 'limits:' .. ref, terms)
  return {'OK'}
end)

-- free_use: principal came back, so what was lent counts less against the keys.
-- keys: state, journal, done references, purse; args: ref, lender, at, number, per key: key, cents
redis.register_function('free_use', function(keys, args)
  local ref, lender, at = id('ref', args[1]), id('lender', args[2]), instant('at', args[3])
  local json, freed = cents_by_key(args, 4)
  local journal = head(keys[1])
  local purse = load_purse(keys[4], lender)
  local terms = lender .. '|' .. json
  local done = redis.call('HGET', keys[3], 'free_use:' .. ref)
  if done then return {done == terms and 'ALREADY' or 'MISMATCH'} end
  for _, use in ipairs(freed) do
    load_use(purse, use[1])
    if use[2] > purse.use[use[1]] then return {'NOTUSED', use[1]} end
    add_use(purse, {use[1]}, -use[2])
  end

  purse.ver = purse.ver + 1
  write_step(journal, keys[2], purse, purse_entry(purse, 'use_freed', ref, at,
    string.format(',"freed_cents":{%s}', json)))
  redis.call('HSET', keys[3], 'free_use:' .. ref, terms)
  return {'OK'}
end)

-- A payout's record: state, lender, cents, and how much of it came from kept money.
local function read_payout(references_key, ref)
  local text = redis.call('HGET', references_key, 'payout:' .. ref)
  if not text then return nil end
  local state, lender, amount, from_kept = string.match(text, '^(%a+)|([^|]+)|(%d+)|(%d+)$')
  return {state = state, lender = lender, cents = tonumber(amount), from_kept = tonumber(from_kept)}
end

local function write_payout(references_key, ref, record)
  redis.call('HSET', references_key, 'payout:' .. ref, table.concat(
    {record.state, record.lender, digits(record.cents), digits(record.from_kept)}, '|'))
end

-- hold: set money aside for a payout, kept money first; refused for good when there is not enough.
-- keys: state, journal, done references, purse; args: ref, lender, cents, at
redis.register_function('hold', function(keys, args)
  arguments_exactly(args, 4)
  local ref, lender, amount = id('ref', args[1]), id('lender', args[2]), cents('cents', args[3])
  local at = instant('at', args[4])
  if amount < 1 then bad_argument('cents', args[3]) end
  local journal = head(keys[1])
  local purse = load_purse(keys[4], lender)
  local record = read_payout(keys[3], ref)
  if record then
    if record.lender ~= lender or record.cents ~= amount then return {'MISMATCH'} end
    return {'ALREADY', record.state}
  end

  record = {state = 'refused', lender = lender, cents = amount, from_kept = 0}
  local kind = 'withdrawal_refused'
  if amount <= purse.free then
    kind, record.state, record.from_kept = 'withdrawal_held', 'held', math.min(purse.kept, amount)
    purse.free, purse.held, purse.kept = purse.free - amount, purse.held + amount, purse.kept - record.from_kept
    purse.ver = purse.ver + 1
  end
  write_step(journal, keys[2], purse, purse_entry(purse, kind, ref, at, cents_field(amount)))
  write_payout(keys[3], ref, record)
  return {'OK', record.state}
end)

-- pay_out, void_hold: how money that was set aside ends.
-- keys: state, journal, done references, purse; args: ref, lender, cents (0: what was set aside), at
local function payout_step(name, kind, ended, move)
  redis.register_function(name, function(keys, args)
    arguments_exactly(args, 4)
    local ref, lender, amount = id('ref', args[1]), id('lender', args[2]), cents('cents', args[3])
    local at = instant('at', args[4])
    local journal = head(keys[1])
    local purse = load_purse(keys[4], lender)
    local record = read_payout(keys[3], ref)
    if not record then return {'UNKNOWN'} end
    if record.lender ~= lender or (amount ~= 0 and amount ~= record.cents) then return {'MISMATCH'} end
    if record.state == ended then return {'ALREADY', record.state} end
    if record.state ~= 'held' then return {'WRONGSTATE', record.state} end
    purse.held, purse.ver = purse.held - record.cents, purse.ver + 1
    move(purse, record)
    record.state = ended
    write_step(journal, keys[2], purse, purse_entry(purse, kind, ref, at, cents_field(record.cents)))
    write_payout(keys[3], ref, record)
    return {'OK', record.state}
  end)
end

payout_step('pay_out', 'withdrawal_sent', 'paid', function(purse, record)
  purse.out = purse.out + record.cents
end)

payout_step('void_hold', 'withdrawal_voided', 'voided', function(purse, record)
  purse.free, purse.kept = purse.free + record.cents, purse.kept + record.from_kept
end)
