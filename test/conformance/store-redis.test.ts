import { after } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
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
