import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { LAST_TICK_RETENTION_MS } from '../../src/store/port.ts';
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
