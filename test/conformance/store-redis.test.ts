import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { DAY_MS, LAST_TICK_RETENTION_MS, MOST_RECEIPTS } from '../../src/store/port.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { sharedRedis } from '../parts/redis.ts';
import { type StoreWorld, storeConformance } from './store-suite.ts';

const redis = await sharedRedis();
const onError = (message: string) => {
  throw new Error(`the store failed: ${message}`);
};
const worlds: { close(): Promise<void> }[] = [];
after(() => Promise.all(worlds.map((store) => store.close())));

storeConformance('Redis store', async (): Promise<StoreWorld> => {
  const [store, other] = [createRedisStore({ url: redis.url, onError }), createRedisStore({ url: redis.url, onError })];
  worlds.push(store, other);
  return { store, other, pass: (ms) => wait(ms) };
});

test('Redis store: a last tick is forgotten a month after it expired', async () => {
  const store = createRedisStore({ url: redis.url, onError });
  worlds.push(store);
  const agent = { namespace: 'test', name: `agent-${randomUUID().slice(0, 8)}` };
  const { now } = await store.read({ agent, event: 'x' });
  await store.replaceLastTick(agent, 'uid', undefined, { eventId: 'a', expiresAt: now + 60_000 });
  const client = new Redis(redis.url);
  try {
    const left = await client.pttl(`ea:{test/${agent.name}}:tick:uid`);
    const wanted = 60_000 + LAST_TICK_RETENTION_MS;
    assert.ok(left <= wanted && left > wanted - 60_000, `${left}`);
  } finally {
    client.disconnect();
  }
});

/** Has an event end in an agent's store. */
function end(agent: { readonly namespace: string; readonly name: string }, event: string, endedAt: number) {
  const record = { gen: 0, attempt: 1, phase: 'done', fence: 'f', starts: 0, startedAt: 1, outputs: {} } as const;
  return [{ agent, event }, 0, { ...record, event: { id: event, type: 't' }, result: { outcome: 'done', endedAt } }] as const;
}

test('Redis store: what is kept of the ends of an agent is bounded, and goes with the last of its records', async () => {
  const store = createRedisStore({ url: redis.url, onError });
  worlds.push(store);
  const agent = { namespace: 'test', name: `agent-${randomUUID().slice(0, 8)}` };
  const ends = `ea:{test/${agent.name}}:ends`;
  const client = new Redis(redis.url);
  const write = async (event: string, endedAt: number, expireMs?: number) => {
    const [key, version, record] = end(agent, event, endedAt);
    await store.replace(key, version, { record, leaseMs: 0, ...(expireMs === undefined ? {} : { expireMs }) });
  };
  const left = async () => Math.ceil((await client.pttl(ends)) / 60_000);
  try {
    await write('a', 1, 30 * 60_000);
    assert.equal(await left(), 30);
    await write('b', 2, 60 * 60_000);
    assert.equal(await left(), 60);
    await write('c', 3, 30 * 60_000);
    assert.equal(await left(), 60, 'a record that goes earlier changes nothing');
    await write('d', 4);
    assert.equal(await client.pttl(ends), -1, 'one that stays keeps it');
    await write('e', 5, 60_000);
    assert.equal(await client.pttl(ends), -1);

    const many = Array.from({ length: MOST_RECEIPTS }, (_, index) => [10 + index, `old-${index}`]).flat();
    await client.zadd(ends, ...many.map(String));
    await write('newest', 1_000_000, 60_000);
    assert.equal(await client.zcard(ends), MOST_RECEIPTS);
    assert.deepEqual(await client.zrange(ends, '0', '0'), ['old-1'], 'the oldest went');
    assert.deepEqual(
      (await store.receipts(agent, 0)).map(({ id }) => id),
      ['newest'],
      'those without a record have no receipt',
    );
  } finally {
    client.disconnect();
  }
});

test('Redis store: a new day begins with nothing, and what a day has cost is kept for two', async () => {
  const store = createRedisStore({ url: redis.url, onError });
  worlds.push(store);
  const agent = { namespace: 'test', name: `agent-${randomUUID().slice(0, 8)}` };
  const costs = `ea:{test/${agent.name}}:costs`;
  const client = new Redis(redis.url);
  const buy = async (event: string, costNanoUsd: number | 'unknown') => {
    const spent = { turns: 1, inputTokens: 1, outputTokens: 1, costNanoUsd, estimated: false };
    const record = { gen: 0, attempt: 1, phase: 'running', fence: 'f', starts: 1, startedAt: 1, outputs: {}, spent } as const;
    await store.replace({ agent, event }, 0, { record, leaseMs: 0 });
  };
  try {
    await buy('a', 5);
    await buy('b', 'unknown');
    assert.equal(await store.costToday(agent), 'unknown');
    const left = await client.pttl(costs);
    assert.ok(left <= 2 * DAY_MS && left > 2 * DAY_MS - 60_000, `${left}`);
    // As if all that had been yesterday.
    await client.hincrby(costs, 'd', -1);
    assert.equal(await store.costToday(agent), 0);
    await buy('c', 7);
    assert.equal(await store.costToday(agent), 7);
    // As if the clock of another server, that has taken over since, were behind.
    await client.hincrby(costs, 'd', 1);
    await buy('d', 2);
    assert.equal(await store.costToday(agent), 9);
  } finally {
    client.disconnect();
  }
});

test('Redis store: a record that an older version wrote, without counting its writes, is gone on with', async () => {
  const store = createRedisStore({ url: redis.url, onError });
  worlds.push(store);
  const agent = { namespace: 'test', name: `agent-${randomUUID().slice(0, 8)}` };
  const key = { agent, event: 'e' };
  const field = `ea:{test/${agent.name}}:event:e`;
  const record = { gen: 0, attempt: 1, phase: 'parked', fence: 'old', starts: 0, startedAt: 1, outputs: {} } as const;
  const client = new Redis(redis.url);
  try {
    await client.hset(field, { v: 3, f: 'old', l: 0, r: JSON.stringify(record), e: '' });
    assert.deepEqual(await store.update(key, 'old', { record, leaseMs: 0, number: 1 }), { written: true });
    // An older version that takes an event leaves what it does not know of.
    await client.hset(field, { v: 5, f: 'older', l: 0, r: JSON.stringify({ ...record, fence: 'older' }), e: '', n: 9 });
    const taken = { ...record, phase: 'running', fence: 'new', starts: 1 } as const;
    assert.ok((await store.replace(key, 5, { record: taken, leaseMs: 60_000 })).written);
    assert.ok((await store.update(key, 'new', { record: { ...taken, phase: 'decided' }, leaseMs: 60_000, number: 1 })).written);
    assert.deepEqual([(await store.read(key)).stored?.record.phase, await client.hget(field, 'n')], ['decided', '1']);
  } finally {
    client.disconnect();
  }
});
