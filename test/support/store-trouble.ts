import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RabbitVersion } from '../parts/rabbitmq.ts';
import { type RedisServer, type StoreKind, startRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { runCli } from './dev-process.ts';
import { eventually } from './eventually.ts';
import { createLedger } from './ledger.ts';
import { onPodsStage, type Pod } from './pods-stage.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

interface Scene {
  readonly server: RedisServer;
  /** Between the runner and the store. */
  readonly proxy: TcpProxy;
  readonly runner: Pod;
  /** Waits until the runner says on `/readyz` that it is as wanted. */
  saysReady(isReady: boolean, text?: RegExp): Promise<void>;
}

/** What happens to the store while events are sent. */
interface StoreTrouble {
  readonly name: string;
  readonly happen: (scene: Scene) => Promise<void>;
}

/** Events under way at a time in the runner. */
const SLOTS = 4;

/** Every trouble with the store. What it does to `/readyz` is waited for, so that it lasts long enough to matter. */
const storeTroubles: readonly StoreTrouble[] = [
  {
    name: 'the store is killed (-9) in the middle of runs, stays away, and comes back',
    happen: async ({ server, saysReady }) => {
      await server.kill();
      await saysReady(false);
      await server.restart();
      await saysReady(true);
    },
  },
  {
    name: 'the store is frozen (SIGSTOP) for 10 s in the middle of runs',
    happen: async ({ server, saysReady }) => {
      server.pause();
      try {
        await Promise.all([saysReady(false), delay(10_000)]);
      } finally {
        server.resume();
      }
      await saysReady(true);
    },
  },
  {
    name: 'the store is slow: 150 ms for whatever is said, each way',
    happen: async ({ proxy }) => {
      proxy.slow(150);
      await delay(5_000);
      proxy.slow(0);
    },
  },
  {
    name: 'the connections to the store are cut, five times',
    happen: async ({ proxy }) => {
      for (let times = 0; times < 5; times += 1) {
        proxy.cut();
        await delay(400);
      }
    },
  },
  {
    name: 'the store is emptied while nothing runs: the runner holds until that is acknowledged',
    happen: async ({ server, saysReady }) => {
      const admin = new Redis(server.url);
      await admin.flushall().finally(() => admin.disconnect());
      await saysReady(false, /^StoreLost: /);
      const { code, stderr } = await runCli(['store', 'acknowledge', 'test/reviewer'], { EVENTAGENT_REDIS_URL: server.url });
      assert.equal(code, 0, stderr);
      await saysReady(true);
    },
  },
];

/** Runs every trouble, one after the other, on a store and a virtual host of their own, each with its own ledger. */
export async function runStoreTroubles(t: TestContext, kind: StoreKind, version: RabbitVersion): Promise<void> {
  await using server = await partOrSkip(t, () => startRedis({ kind }));
  if (server == null) return;
  await using proxy = await createTcpProxy(Number(new URL(server.url).port));
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const { stub, sink, start } = stage;
      stub.script(() => ({ delayMs: 100 }));
      const gateway = await start('gateway');
      const runner = await start('runner', { store: { connection_string: `redis://127.0.0.1:${proxy.port}` } });
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      const saysReady = async (isReady: boolean, text = /./) => {
        await eventually(
          `ready: ${isReady}`,
          async () => {
            const [code, said] = await runner.readyz();
            return (code === 200) === isReady && text.test(said);
          },
          40_000,
        );
      };
      for (const [index, { name, happen }] of storeTroubles.entries())
        await t.test(name, async (sub) => {
          const ledger = createLedger(stage);
          const isIdle = name.includes('while nothing runs');
          const send = async (from: number, count: number) => {
            const ids = Array.from({ length: count }, (_, number) => `event-${index}-${from + number}`);
            for (const id of ids) assert.equal(await ledger.send(gateway.gatewayUrl, id), 202, 'intake goes on');
          };
          const effects = sink.effects().length;
          if (!isIdle) {
            await send(0, 60);
            await sink.until('runs are under way', () => sink.effects().length > effects);
          }
          const sending = isIdle ? Promise.resolve() : send(60, 60);
          await happen({ server, proxy, runner, saysReady });
          await sending;
          await send(120, 10);
          // What a store that is away cost is known by the calls that ended without a checkpoint: one for each event in hand.
          await ledger.close(sub, { scenario: name, on: `${kind}, RabbitMQ ${version}`, mostBoughtAgain: isIdle ? 0 : 5 * SLOTS });
        });
    },
    { delivery: { concurrency: SLOTS, retryDelaysSeconds: [1] } },
  );
}
