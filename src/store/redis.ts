import { randomUUID } from 'node:crypto';
import type { AgentRef } from '../api/names.ts';
import { type Receipt, receiptOf } from '../api/receipt.ts';
import { type EventRecord, NOTHING_SPENT } from '../api/record.ts';
import {
  type CellKey,
  DAY_MS,
  LAST_TICK_RETENTION_MS,
  LOST,
  MOST_RECEIPTS,
  type OwnedStore,
  PAUSE_RETENTION_MS,
  type Pause,
  RecordError,
  type RecordKey,
  type RecordWrite,
  type StoredCell,
  type StoredRecord,
  StoreError,
  type StoreState,
} from './port.ts';
import { RedisClient, type RedisOptions } from './redis-client.ts';

/** A record is a hash: v(ersion), f(ence), n(umber of the last write under it; missing where an older version of this program took the event and wrote it), l(ease until), r(ecord as JSON), e(nd: its receipt as JSON, or nothing), and what it says was bought: t(urns), c(ost). Redis runs a script as one step; TIME inside it is the store's clock. */
const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;
/**
 * The keys are those of the record, of the agent's ends, a sorted set of events by the time of their end, and of what it spends in a day, a hash: d(ay), n(ano-USD), u(nknown
 * costs are among it). `at` is where in ARGV the write begins.
 */
const PUT = `
local function book(turns, cost)
  local before = redis.call('HMGET', KEYS[1], 't', 'c')
  if tonumber(turns) <= tonumber(before[1] or '0') then return end
  redis.call('HSET', KEYS[1], 't', turns, 'c', cost)
  local day = math.floor(now / ${DAY_MS})
  if day > tonumber(redis.call('HGET', KEYS[3], 'd') or '-1') then
    redis.call('DEL', KEYS[3])
    redis.call('HSET', KEYS[3], 'd', string.format('%.0f', day), 'n', 0)
  end
  if cost == 'unknown' then redis.call('HSET', KEYS[3], 'u', 1)
  else redis.call('HINCRBY', KEYS[3], 'n', string.format('%.0f', tonumber(cost) - (tonumber(before[2] or '0') or 0))) end
  redis.call('PEXPIRE', KEYS[3], ${2 * DAY_MS})
end
local function put(version, fence, number, at)
  local record, leaseMs, expireMs = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local event, receipt, endedAt = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  book(ARGV[at + 6], ARGV[at + 7])
  local lease = 0
  if leaseMs > 0 then lease = now + leaseMs end
  redis.call('HSET', KEYS[1], 'v', version, 'f', fence, 'n', number, 'l', string.format('%.0f', lease), 'r', record, 'e', receipt)
  if expireMs > 0 then redis.call('PEXPIRE', KEYS[1], expireMs) else redis.call('PERSIST', KEYS[1]) end
  if receipt == '' then return end
  local left = redis.call('PTTL', KEYS[2])
  redis.call('ZADD', KEYS[2], endedAt, event)
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -${MOST_RECEIPTS + 1})
  -- -2: it was not there, -1: it stays for ever, since one of its records does.
  if expireMs == 0 then redis.call('PERSIST', KEYS[2])
  elseif left == -2 or (left >= 0 and left < expireMs) then redis.call('PEXPIRE', KEYS[2], expireMs) end
end`;

const scripts = {
  eaRead: { numberOfKeys: 1, lua: `${NOW} return {string.format('%.0f', now), redis.call('HMGET', KEYS[1], 'v', 'l', 'r')}` },
  eaReplace: {
    numberOfKeys: 4,
    lua: `${NOW} ${PUT}
if ARGV[3] ~= '' and redis.call('HGET', KEYS[4], 'id') ~= ARGV[3] then return {-1} end
local stored = redis.call('HMGET', KEYS[1], 'v', 'l', 'r')
if (stored[1] or '0') ~= ARGV[1] then return {0, string.format('%.0f', now), stored} end
put(tonumber(ARGV[1]) + 1, ARGV[2], 0, 4)
return {1, string.format('%.0f', now)}`,
  },
  eaUpdate: {
    numberOfKeys: 3,
    lua: `${NOW} ${PUT}
local stored = redis.call('HMGET', KEYS[1], 'v', 'f', 'n')
if stored[2] ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) < tonumber(stored[3] or '0') then return 1 end
put(tonumber(stored[1]) + 1, ARGV[1], ARGV[2], 3)
return 1`,
  },
  eaRenew: {
    numberOfKeys: 1,
    lua: `${NOW}
local stored = redis.call('HMGET', KEYS[1], 'f', 'l')
if stored[1] ~= ARGV[1] then return 0 end
if stored[2] == '0' then return 1 end
redis.call('HINCRBY', KEYS[1], 'v', 1)
redis.call('HSET', KEYS[1], 'l', string.format('%.0f', now + tonumber(ARGV[2])))
return 1`,
  },
  eaExpire: {
    numberOfKeys: 1,
    lua: `
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`,
  },
  // The records' keys are made here, of what they begin with and the event: they are in the slot of the key that is named.
  eaReceipts: {
    numberOfKeys: 1,
    lua: `
local receipts = {}
for _, event in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', ARGV[1])) do
  local receipt = redis.call('HGET', ARGV[2] .. event, 'e')
  if receipt and receipt ~= '' then receipts[#receipts + 1] = receipt end
end
return receipts`,
  },
  eaCostToday: {
    numberOfKeys: 1,
    lua: `${NOW}
local known = redis.call('HMGET', KEYS[1], 'd', 'n', 'u')
if tonumber(known[1] or '-1') < math.floor(now / ${DAY_MS}) then return '0' end
if known[3] then return 'unknown' end
return known[2]`,
  },
  eaLease: {
    numberOfKeys: 1,
    lua: `if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 1 end return 0`,
  },
  // The memory's name is a hash: id, l(ost what was before it), a(cknowledged). A server that refuses INFO to this user says nothing of its policy.
  eaInspect: {
    numberOfKeys: 1,
    lua: `
redis.call('HSETNX', KEYS[1], 'id', ARGV[1])
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'id') ~= ARGV[2] then redis.call('HSET', KEYS[1], 'l', '1') end
local memory = redis.pcall('INFO', 'memory')
if type(memory) ~= 'string' then memory = '' end
local known = redis.call('HMGET', KEYS[1], 'id', 'l', 'a')
return {known[1], known[2] or '', known[3] or '', string.match(memory, '\\nmaxmemory:(%d+)') or '', string.match(memory, '\\nmaxmemory_policy:([%w-]+)') or ''}`,
  },
  eaAcknowledge: {
    numberOfKeys: 1,
    lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, ''} end
redis.call('HSET', KEYS[1], 'a', '1')
return {1, redis.call('HGET', KEYS[1], 'l') or ''}`,
  },
  eaAddPause: {
    numberOfKeys: 1,
    lua: `${NOW}
local member = ARGV[1] .. '-' .. ARGV[3]
if tonumber(redis.call('ZSCORE', KEYS[1], member) or '0') < tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[2], member) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[4])))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`,
  },
  eaPausesSince: { numberOfKeys: 1, lua: `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES')` },
  // A last tick is a hash: e(vent id), x (expires at).
  eaLastTick: { numberOfKeys: 1, lua: `return redis.call('HMGET', KEYS[1], 'e', 'x')` },
  eaReplaceLastTick: {
    numberOfKeys: 1,
    lua: `
local known = redis.call('HGET', KEYS[1], 'e') or ''
if known ~= ARGV[1] and known ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'e', ARGV[2], 'x', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tonumber(ARGV[3]) + tonumber(ARGV[4])))
return 1`,
  },
  // A cell is a hash: v(ersion), t(ext). The version is a time where nothing was written for a while: one that has expired is never taken for its successor.
  eaReadCell: { numberOfKeys: 1, lua: `${NOW} return {string.format('%.0f', now), redis.call('HMGET', KEYS[1], 'v', 't')}` },
  eaReplaceCell: {
    numberOfKeys: 1,
    lua: `${NOW}
local stored = redis.call('HMGET', KEYS[1], 'v', 't')
if (stored[1] or '0') ~= ARGV[1] then return {0, string.format('%.0f', now), stored} end
local version = string.format('%.0f', math.max(now, tonumber(ARGV[1]) + 1))
redis.call('HSET', KEYS[1], 'v', version, 't', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {1, string.format('%.0f', now), version}`,
  },
  // A write, since a replica, a full store and one that cannot save to its disk all answer a PING.
  eaPing: { numberOfKeys: 1, lua: `redis.call('SET', KEYS[1], '1', 'PX', 60000) return 1` },
} as const;

const PING_KEY = 'ea:ping';

type StoredFields = readonly [version: string | null, leaseUntil: string | null, record: string | null];

/**
 * A store in Redis or Valkey. Commands fail within seconds while it is down; the connection comes back by itself, also from a silent one and from a server that has
 * become a replica. Throws `InputError` (`Usage`) for a URL that is none.
 */
export function createRedisStore(options: RedisOptions): OwnedStore {
  const client = new RedisClient(options, scripts);
  const run = (name: keyof typeof scripts, ...args: readonly (string | number)[]) => client.run(name, args);
  const writeArguments = ({ event }: RecordKey, { record, leaseMs, expireMs = 0 }: RecordWrite) => {
    const receipt = receiptOf(record);
    const end = receipt === undefined ? ['', 0] : [JSON.stringify(receipt), receipt.endedAt];
    const { turns, costNanoUsd } = record.spent ?? NOTHING_SPENT;
    return [JSON.stringify(record), leaseMs, expireMs, event, ...end, turns, costNanoUsd] as const;
  };

  return {
    read: async (key) => {
      const [now, fields] = (await run('eaRead', recordKey(key))) as [string, StoredFields];
      return { now: Number(now), stored: storedRecord(fields) };
    },
    replace: async (key, expectedVersion, write, epoch) => {
      const keys = [recordKey(key), endsKey(key.agent), costsKey(key.agent), epochKey(key.agent)];
      const args = [...keys, expectedVersion, write.record.fence, epoch ?? '', ...writeArguments(key, write)];
      const [written, now, fields] = (await run('eaReplace', ...args)) as [number, string, StoredFields];
      if (written === -1) throw new StoreError('Lost', LOST);
      return written === 1 ? { written: true, now: Number(now) } : { written: false, now: Number(now), stored: storedRecord(fields) };
    },
    update: async (key, fence, write) => {
      const args = [recordKey(key), endsKey(key.agent), costsKey(key.agent), fence, write.number, ...writeArguments(key, write)];
      return { written: (await run('eaUpdate', ...args)) === 1 };
    },
    renew: async (key, fence, leaseMs) => ({ renewed: (await run('eaRenew', recordKey(key), fence, leaseMs)) === 1 }),
    expire: async (key, expectedVersion, expireMs) => ({
      expires: (await run('eaExpire', recordKey(key), expectedVersion, expireMs)) === 1,
    }),
    receipts: async (agent, since) => {
      const found = (await run('eaReceipts', endsKey(agent), since, recordKey({ agent, event: '' }))) as readonly string[];
      return found.map((receipt) => JSON.parse(receipt) as Receipt);
    },
    costToday: async (agent) => {
      const cost = (await run('eaCostToday', costsKey(agent))) as string;
      return cost === 'unknown' ? cost : Number(cost);
    },
    lease: async (agent, name, leaseMs) => ({ taken: (await run('eaLease', leaseKey(agent, name), leaseMs)) === 1 }),
    addPause: async (agent, pause, by) => {
      await run('eaAddPause', pausesKey(agent), pause.from, pause.until, by, PAUSE_RETENTION_MS);
    },
    pausesSince: async (agent, since) => parsePauses((await run('eaPausesSince', pausesKey(agent), since)) as readonly string[]),
    lastTick: async (agent, schedule) => {
      const [eventId, expiresAt] = (await run('eaLastTick', lastTickKey(agent, schedule))) as readonly (string | null)[];
      return eventId == null ? undefined : { eventId, expiresAt: Number(expiresAt) };
    },
    replaceLastTick: async (agent, schedule, expected, { eventId, expiresAt }) => {
      const args = [lastTickKey(agent, schedule), expected ?? '', eventId, expiresAt, LAST_TICK_RETENTION_MS];
      return { written: (await run('eaReplaceLastTick', ...args)) === 1 };
    },
    readCell: async (key) => {
      const [now, fields] = (await run('eaReadCell', cellKey(key))) as [string, CellFields];
      return { now: Number(now), stored: storedCell(fields) };
    },
    replaceCell: async (key, expectedVersion, text, expireMs) => {
      const answer = await run('eaReplaceCell', cellKey(key), expectedVersion, text, expireMs);
      const [written, now, rest] = answer as [0, string, CellFields] | [1, string, string];
      return written === 1
        ? { written: true, now: Number(now), version: Number(rest) }
        : { written: false, now: Number(now), stored: storedCell(rest) };
    },
    ping: async () => {
      await run('eaPing', PING_KEY);
    },
    inspect: async (agent, known = '') => {
      const answer = (await run('eaInspect', epochKey(agent), randomUUID(), known)) as readonly string[];
      const [epoch, lost, acknowledged, maxBytes, policy] = answer;
      return { eviction: evictionOf(maxBytes, policy), epoch: epoch ?? '', lost: lost === '1', acknowledged: acknowledged === '1' };
    },
    acknowledge: async (agent) => {
      const [acknowledged, lost] = (await run('eaAcknowledge', epochKey(agent))) as [number, string];
      return { acknowledged: acknowledged === 1, lost: lost === '1' };
    },
    close: async () => client.close(),
  };
}

/** All keys of an agent share a hash slot, so that a transaction over them is possible on a cluster. */
function recordKey(key: RecordKey): string {
  return `ea:{${key.agent.namespace}/${key.agent.name}}:event:${key.event}`;
}

function endsKey(agent: AgentRef): string {
  return `ea:{${agent.namespace}/${agent.name}}:ends`;
}

function costsKey(agent: AgentRef): string {
  return `ea:{${agent.namespace}/${agent.name}}:costs`;
}

/** Beside what it names, so that it is lost with that. */
function epochKey(agent: AgentRef): string {
  return `ea:{${agent.namespace}/${agent.name}}:epoch`;
}

function leaseKey(agent: AgentRef, name: string): string {
  return `ea:{${agent.namespace}/${agent.name}}:lease:${name}`;
}

function pausesKey(agent: AgentRef): string {
  return `ea:{${agent.namespace}/${agent.name}}:pauses`;
}

function lastTickKey(agent: AgentRef, schedule: string): string {
  return `ea:{${agent.namespace}/${agent.name}}:tick:${schedule}`;
}

type CellFields = readonly [version: string | null, text: string | null];

function cellKey({ owner, name }: CellKey): string {
  return owner.name === undefined ? `ea:{${owner.namespace}}:${name}` : `ea:{${owner.namespace}/${owner.name}}:${name}`;
}

function storedCell([version, text]: CellFields): StoredCell | undefined {
  return version === null || text === null ? undefined : { version: Number(version), text };
}

function storedRecord([version, leaseUntil, record]: StoredFields): StoredRecord | undefined {
  if (version === null || record === null) return undefined;
  return { version: Number(version), leaseUntil: Number(leaseUntil ?? 0), record: parsedRecord(record) };
}

function parsedRecord(text: string): EventRecord {
  try {
    return JSON.parse(text) as EventRecord;
  } catch (cause) {
    throw new RecordError('Unreadable', 'the record is no JSON: somebody has changed it in the store', { cause });
  }
}

/** What a server with this limit of its memory (0: none) and this policy forgets. https://redis.io/docs/latest/develop/reference/eviction/ */
function evictionOf(maxBytes: string | undefined, policy: string | undefined): StoreState['eviction'] {
  if (!policy || !maxBytes) return 'unknown';
  return policy === 'noeviction' || Number(maxBytes) === 0 ? 'none' : { policy, maxBytes: Number(maxBytes) };
}

/** Reads members (`<from>-<by>`) and scores (until), in turn. */
function parsePauses(answer: readonly string[]): readonly Pause[] {
  return answer.flatMap((member, index) =>
    index % 2 === 0 ? [{ from: Number.parseInt(member, 10), until: Number(answer[index + 1]) }] : [],
  );
}
