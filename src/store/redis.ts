import type { AgentRef } from '../api/names.ts';
import type { EventRecord } from '../api/record.ts';
import {
  type CellKey,
  LAST_TICK_RETENTION_MS,
  type OwnedStore,
  PAUSE_RETENTION_MS,
  type Pause,
  type RecordKey,
  type RecordWrite,
  type StoredCell,
  type StoredRecord,
} from './port.ts';
import { RedisClient, type RedisOptions } from './redis-client.ts';

/** A record is a hash: v(ersion), f(ence), l(ease until), r(ecord as JSON). Redis runs a script as one step; TIME inside it is the store's clock. */
const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;
const PUT = `
local function put(key, version, fence, record, leaseMs, expireMs)
  local lease = 0
  if leaseMs > 0 then lease = now + leaseMs end
  redis.call('HSET', key, 'v', version, 'f', fence, 'l', string.format('%.0f', lease), 'r', record)
  if expireMs > 0 then redis.call('PEXPIRE', key, expireMs) else redis.call('PERSIST', key) end
end`;

const scripts = {
  eaRead: { numberOfKeys: 1, lua: `${NOW} return {string.format('%.0f', now), redis.call('HMGET', KEYS[1], 'v', 'l', 'r')}` },
  eaReplace: {
    numberOfKeys: 1,
    lua: `${NOW} ${PUT}
local stored = redis.call('HMGET', KEYS[1], 'v', 'l', 'r')
if (stored[1] or '0') ~= ARGV[1] then return {0, string.format('%.0f', now), stored} end
put(KEYS[1], tonumber(ARGV[1]) + 1, ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
return {1, string.format('%.0f', now)}`,
  },
  eaUpdate: {
    numberOfKeys: 1,
    lua: `${NOW} ${PUT}
local stored = redis.call('HMGET', KEYS[1], 'v', 'f')
if stored[2] ~= ARGV[1] then return 0 end
put(KEYS[1], tonumber(stored[1]) + 1, ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
return 1`,
  },
  eaRenew: {
    numberOfKeys: 1,
    lua: `${NOW}
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 0 end
redis.call('HINCRBY', KEYS[1], 'v', 1)
redis.call('HSET', KEYS[1], 'l', string.format('%.0f', now + tonumber(ARGV[2])))
return 1`,
  },
  eaAddPause: {
    numberOfKeys: 1,
    lua: `${NOW}
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1] .. '-' .. ARGV[3])
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
  const writeArguments = (write: RecordWrite) => [JSON.stringify(write.record), write.leaseMs, write.expireMs ?? 0] as const;

  return {
    read: async (key) => {
      const [now, fields] = (await run('eaRead', recordKey(key))) as [string, StoredFields];
      return { now: Number(now), stored: storedRecord(fields) };
    },
    replace: async (key, expectedVersion, write) => {
      const args = [recordKey(key), expectedVersion, write.record.fence, ...writeArguments(write)];
      const [written, now, fields] = (await run('eaReplace', ...args)) as [number, string, StoredFields];
      return written === 1 ? { written: true, now: Number(now) } : { written: false, now: Number(now), stored: storedRecord(fields) };
    },
    update: async (key, fence, write) => ({ written: (await run('eaUpdate', recordKey(key), fence, ...writeArguments(write))) === 1 }),
    renew: async (key, fence, leaseMs) => ({ renewed: (await run('eaRenew', recordKey(key), fence, leaseMs)) === 1 }),
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
    close: async () => client.close(),
  };
}

/** All keys of an agent share a hash slot, so that a transaction over them is possible on a cluster. */
function recordKey(key: RecordKey): string {
  return `ea:{${key.agent.namespace}/${key.agent.name}}:event:${key.event}`;
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
  return { version: Number(version), leaseUntil: Number(leaseUntil ?? 0), record: JSON.parse(record) as EventRecord };
}

/** Reads members (`<from>-<by>`) and scores (until), in turn. */
function parsePauses(answer: readonly string[]): readonly Pause[] {
  return answer.flatMap((member, index) =>
    index % 2 === 0 ? [{ from: Number.parseInt(member, 10), until: Number(answer[index + 1]) }] : [],
  );
}
