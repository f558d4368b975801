import { Redis } from 'ioredis';
import type { AgentRef } from '../api/names.ts';
import type { EventRecord } from '../api/record.ts';
import { messageOf } from '../lib/errors.ts';
import {
  type OwnedStore,
  PAUSE_RETENTION_MS,
  type Pause,
  type RecordKey,
  type RecordWrite,
  type StoredRecord,
  StoreError,
} from './port.ts';

/** How long one command may take before its result counts as unknown. */
const COMMAND_TIMEOUT_MS = 5000;

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
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1] .. '-' .. ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[3])))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`,
  },
  eaPausesSince: { numberOfKeys: 1, lua: `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')` },
  // A write, since a replica, a full store and one that cannot save to its disk all answer a PING.
  eaPing: { numberOfKeys: 1, lua: `redis.call('SET', KEYS[1], '1', 'PX', 60000) return 1` },
} as const;

/** States of the client on its way to a first or a further connection. */
const CONNECTING: ReadonlySet<string> = new Set(['wait', 'connecting', 'connect']);

/**
 * The server at the other end is a replica now; the address leads to the new primary, or will. Redis 7 begins the answer to a script with the word, older ones end with it
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors: the first word is the kind of error).
 */
const NOT_PRIMARY = /\b(?:READONLY|MASTERDOWN)\b/;

const PING_KEY = 'ea:ping';

type Command = (...args: readonly (string | number)[]) => Promise<unknown>;
type StoredFields = readonly [version: string | null, leaseUntil: string | null, record: string | null];

/**
 * A store in Redis or Valkey. Commands fail within seconds while it is down; the connection comes back by itself, also from a silent one and from a server that has
 * become a replica.
 */
export function createRedisStore(options: { readonly url: string; readonly onError: (message: string) => void }): OwnedStore {
  const redis = new Redis(options.url, {
    scripts,
    enableAutoPipelining: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: COMMAND_TIMEOUT_MS,
    // A connection whose other end has vanished fails every command and never closes: it is given up with the command that went unanswered.
    socketTimeout: COMMAND_TIMEOUT_MS,
    reconnectOnError: ({ message }) => NOT_PRIMARY.test(message),
    retryStrategy: (attempt) => Math.min(100 * attempt, 2000),
  });
  let reported = false;
  redis.on('error', (error: unknown) => {
    if (!reported) options.onError(messageOf(error));
    reported = true;
  });
  redis.on('ready', () => {
    reported = false;
  });

  let opening: Promise<void> | undefined;
  /** Lets commands wait for a connection that is being made, and for no other. */
  const opened = async () => {
    if (!CONNECTING.has(redis.status)) return;
    opening ??= firstAnswer(redis).finally(() => {
      opening = undefined;
    });
    await opening;
  };
  const run = async (name: keyof typeof scripts, ...args: readonly (string | number)[]): Promise<unknown> => {
    try {
      await opened();
      return await (redis as unknown as Record<typeof name, Command>)[name](...args);
    } catch (cause) {
      throw new StoreError('Unreachable', `the store does not answer: ${messageOf(cause)}`, { cause });
    }
  };
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
    addPause: async (agent, pause) => {
      await run('eaAddPause', pausesKey(agent), pause.from, pause.until, PAUSE_RETENTION_MS);
    },
    pausesSince: async (agent, since) => ((await run('eaPausesSince', pausesKey(agent), since)) as readonly string[]).map(parsePause),
    ping: async () => {
      await run('eaPing', PING_KEY);
    },
    close: async () => redis.disconnect(),
  };
}

/** Resolves when a connection that is being made is there or has failed. */
function firstAnswer(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['ready', 'close', 'end']) redis.off(event, done);
      resolve();
    };
    for (const event of ['ready', 'close', 'end']) redis.once(event, done);
  });
}

/** All keys of an agent share a hash slot, so that a transaction over them is possible on a cluster. */
function recordKey(key: RecordKey): string {
  return `ea:{${key.agent.namespace}/${key.agent.name}}:event:${key.event}`;
}

function pausesKey(agent: AgentRef): string {
  return `ea:{${agent.namespace}/${agent.name}}:pauses`;
}

function storedRecord([version, leaseUntil, record]: StoredFields): StoredRecord | undefined {
  if (version === null || record === null) return undefined;
  return { version: Number(version), leaseUntil: Number(leaseUntil ?? 0), record: JSON.parse(record) as EventRecord };
}

function parsePause(member: string): Pause {
  const [from, until] = member.split('-');
  return { from: Number(from), until: Number(until) };
}
