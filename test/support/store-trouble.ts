import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RabbitVersion } from '../parts/rabbitmq.ts';
import { type RedisServer, type StoreKind, startRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { runCli } from './dev-process.ts';
import { eventually } from './eventually.ts';
import type { HttpSink } from './http-sink.ts';
import { createLedger } from './ledger.ts';
import { onPodsStage, type Pod } from './pods-stage.ts';
import { scrape, sumOf } from './scrape.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

interface Scene {
  readonly kind: StoreKind;
  readonly server: RedisServer;
  /** Between the runner and the store. */
  readonly proxy: TcpProxy;
  readonly runner: Pod;
  readonly sink: HttpSink;
  /** Sends so many events more, each of which is to be accepted at once. */
  send(count: number): Promise<void>;
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

/** What can happen to one store. What it does to `/readyz` is waited for, so that it lasts long enough to matter. */
export const storeTroubles: readonly StoreTrouble[] = [
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

/** A store of two servers, of which the other one takes over. */
export const storeFailover: StoreTrouble = {
  name: 'the store fails over to its replica, and back: its address leads to a server that takes no writes for a while, and then to the new primary',
  happen: async (scene) => {
    await using heir = await startRedis({ kind: scene.kind });
    await failOver(scene, scene.server, heir);
    await failOver(scene, heir, scene.server);
  },
};

/** Makes a replica the primary, as an operator of Redis does, and the primary its replica. The address of the store follows when the runner has said that it holds. */
async function failOver({ proxy, runner, sink, send, saysReady }: Scene, primary: RedisServer, heir: RedisServer): Promise<void> {
  const [from, to] = [new Redis(primary.url), new Redis(heir.url)];
  const replication = (of: Redis, state: RegExp) =>
    eventually(`replication: ${state}`, async () => state.test(await of.info('replication')), 30_000);
  const isPaused = async () => sumOf(await scrape(`${runner.metricsUrl}/metrics`), 'eventagent_intake_paused', { reason: 'store' }) === 1;
  const told = runner.lines().length;
  const tells = (message: RegExp, error: RegExp) =>
    runner
      .lines()
      .slice(told)
      .some((line) => message.test(line.msg) && error.test(String(line.error ?? '')));
  try {
    if (!/^role:slave/m.test(await to.info('replication'))) await to.replicaof('127.0.0.1', portOf(primary));
    await replication(to, /^master_link_status:up/m);
    const effects = sink.effects().length;
    await send(40);
    await sink.until('runs are under way', () => sink.effects().length > effects, 30_000);
    await from.call('FAILOVER', 'TO', '127.0.0.1', portOf(heir));
    await Promise.all([replication(from, /^role:slave/m), replication(to, /^role:master/m)]);
    await saysReady(false);
    await send(10);
    await eventually('the intake is closed', isPaused, 40_000);
    assert.ok(tells(/^the store cannot be used/, /READONLY|MASTERDOWN/), 'the log says why');
    proxy.leadTo(portOf(heir));
    await saysReady(true);
    await eventually('the intake is open', async () => !(await isPaused()), 40_000);
    assert.ok(tells(/^the store can be used again/, /^$/), 'the log says so');
  } finally {
    from.disconnect();
    to.disconnect();
  }
}

function portOf({ url }: RedisServer): number {
  return Number(new URL(url).port);
}

/** Runs troubles, one after the other, on a store and a virtual host of their own, each with its own ledger. */
export async function runStoreTroubles(
  t: TestContext,
  kind: StoreKind,
  version: RabbitVersion,
  troubles: readonly StoreTrouble[],
): Promise<void> {
  await using server = await partOrSkip(t, () => startRedis({ kind }));
  if (server == null) return;
  await using proxy = await createTcpProxy(portOf(server));
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
      for (const [index, { name, happen }] of troubles.entries())
        await t.test(name, async (sub) => {
          const ledger = createLedger(stage);
          const isIdle = name.includes('while nothing runs');
          let sent = 0;
          const send = async (count: number) => {
            for (let more = 0; more < count; more += 1) {
              sent += 1;
              assert.equal(await ledger.send(gateway.gatewayUrl, `event-${index}-${sent}`), 202, 'intake goes on');
            }
          };
          const effects = sink.effects().length;
          if (!isIdle) {
            await send(60);
            await sink.until('runs are under way', () => sink.effects().length > effects);
          }
          const sending = isIdle ? Promise.resolve() : send(60);
          await happen({ kind, server, proxy, runner, sink, send, saysReady });
          await sending;
          await send(10);
          // What a store that is away cost is known by the calls that ended without a checkpoint: one for each event in hand.
          await ledger.close(sub, { scenario: name, on: `${kind}, RabbitMQ ${version}`, mostBoughtAgain: isIdle ? 0 : 5 * SLOTS });
        });
    },
    { delivery: { concurrency: SLOTS, retryDelaysSeconds: [1] } },
  );
}
