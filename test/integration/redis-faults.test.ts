import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { systemClock } from '../../src/lib/clock.ts';
import { Claim } from '../../src/runner/claim.ts';
import { type OwnedStore, PAUSE_RETENTION_MS, type RecordKey, type RecordWrite, StoreError } from '../../src/store/port.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { watchedStore } from '../../src/store/watched.ts';
import { type RedisServer, startRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { eventually } from '../support/eventually.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';

const agent = { namespace: 'test', name: 'agent' };
const key: RecordKey = { agent, event: 'event' };
const write: RecordWrite = {
  record: { gen: 0, attempt: 1, phase: 'running', fence: 'a', starts: 1, startedAt: 1, outputs: {} },
  leaseMs: 60_000,
};

/** A call to a store that is away ends within the command's own limit of five seconds, and this much for a busy machine. */
const AWAY_LIMIT_MS = 25_000;

function portOf(server: RedisServer): number {
  return Number(new URL(server.url).port);
}

async function withAdmin(server: RedisServer, use: (admin: Redis) => Promise<unknown>): Promise<void> {
  const admin = new Redis(server.url);
  await use(admin).finally(() => admin.disconnect());
}

/** A store that is reached through a proxy, and what its watcher was told. */
async function world(
  t: TestContext,
): Promise<{ server: RedisServer; proxy: Awaited<ReturnType<typeof createTcpProxy>>; store: OwnedStore; told: boolean[] } | undefined> {
  const server = await partOrSkip(t, () => startRedis());
  if (server === undefined) return undefined;
  const proxy = await createTcpProxy(portOf(server));
  const told: boolean[] = [];
  const redis = createRedisStore({ url: `redis://127.0.0.1:${proxy.port}`, onError: () => {} });
  const store = watchedStore(redis, (reachable) => told.push(reachable));
  t.after(async () => {
    await store.close();
    await proxy[Symbol.asyncDispose]();
    await server.stop();
  });
  await store.ping();
  return { server, proxy, store, told };
}

/** Rejects as a store does that is away, and in time. */
async function failsInTime(call: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await assert.rejects(call, StoreError);
  const tookMs = Math.round(performance.now() - startedAt);
  assert.ok(tookMs < AWAY_LIMIT_MS, `the call failed after ${tookMs} ms`);
}

async function answersAgain(store: OwnedStore): Promise<void> {
  await eventually('the store answers again', () =>
    store.ping().then(
      () => true,
      () => false,
    ),
  );
}

suite('a store that fails', { concurrency: true }, () => {
  test('a server that is frozen: every call fails in time, and a ping finds out that it is back', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { server, store, told } = w;
    await store.replace(key, 0, write);
    server.pause();
    t.after(() => server.resume());
    const calls = [
      () => store.read(key),
      () => store.pausesSince(agent, 0),
      () => store.addPause(agent, { from: 1, until: 2 }, 'a'),
      () => store.renew(key, 'a', 1),
      () => store.ping(),
    ];
    await Promise.all(calls.map(failsInTime));
    assert.deepEqual(told, [false]);
    server.resume();
    await answersAgain(store);
    assert.deepEqual(told, [false, true]);
    assert.equal((await store.read(key)).stored?.record.fence, 'a');
  });

  test('a connection whose other end has vanished is given up for another', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { proxy, store } = w;
    await store.replace(key, 0, write);
    proxy.mute();
    await failsInTime(() => store.read(key));
    await answersAgain(store);
    assert.equal((await store.read(key)).stored?.record.fence, 'a');
  });

  test('a write that the network delivers after its repetition, and after the end of the event, changes nothing', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { server, proxy, store } = w;
    await store.replace(key, 0, write);
    const claim = new Claim(store, systemClock, key, write.record, new AbortController().signal);
    t.after(() => claim.release());
    const deliver = proxy.holdUp();
    await claim.checkpoint({ starts: 1 });
    await claim.conclude({ ...claim.record, phase: 'done', starts: 0 }, 600_000);
    const before = await store.read(key);
    await withAdmin(server, async (admin) => {
      const calls = async () => {
        const counts = (await admin.info('commandstats')).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g);
        return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
      };
      const until = (await calls()) + 1;
      deliver();
      await eventually('the late write has arrived', async () => (await calls()) >= until);
      assert.deepEqual((await store.read(key)).stored, before.stored);
      assert.ok((await admin.pttl('ea:{test/agent}:event:event')) > 0, 'it is forgotten in its time');
    });
  });

  const failovers = [
    { what: 'that says so', configuration: [] },
    { what: 'that answers nothing without its primary', configuration: ['replica-serve-stale-data', 'no'] },
  ] as const;
  for (const { what, configuration } of failovers) {
    test(`after a failover the store leaves the old primary, a replica ${what}, for the new one`, async (t) => {
      const [w, heir] = [await world(t), await partOrSkip(t, () => startRedis())];
      if (w === undefined || heir === undefined) return;
      t.after(() => heir.stop());
      const { server, proxy, store } = w;
      await store.replace(key, 0, write);
      proxy.leadTo(portOf(heir));
      // A primary that cannot be reached: the replica never gets as far as to copy it.
      await withAdmin(server, async (admin) => {
        if (configuration.length > 0) await admin.config('SET', ...configuration);
        await admin.replicaof('127.0.0.1', 1);
      });
      await failsInTime(() => store.ping());
      await answersAgain(store);
      assert.equal((await store.read(key)).stored, undefined, 'the heir knows nothing of the record: it is the heir that answers');
      assert.deepEqual((await store.replace(key, 0, write)).written, true);
    });
  }

  test('a store that takes no writes is away, though it answers', async (t) => {
    const w = await world(t);
    if (w === undefined) return;
    const { server, store, told } = w;
    await withAdmin(server, (admin) => admin.config('SET', 'maxmemory', '1'));
    await failsInTime(() => store.ping());
    await withAdmin(server, (admin) => admin.config('SET', 'maxmemory', '0'));
    await answersAgain(store);
    assert.deepEqual(told, [false, true]);
  });
});

// Alone, since it sets the clock of this process.
test('a process whose clock is far ahead forgets no pause', async (t) => {
  const w = await world(t);
  if (w === undefined) return;
  const { now } = await w.store.read(key);
  const pause = { from: now - 2000, until: now - 1000 };
  await w.store.addPause(agent, pause, 'a');
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 2 * PAUSE_RETENTION_MS });
  await w.store.addPause(agent, { from: now, until: now + 1000 }, 'a');
  assert.deepEqual((await w.store.pausesSince(agent, 0)).toSorted((a, b) => a.from - b.from)[0], pause);
});
