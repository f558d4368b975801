import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RabbitServer, type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manage } from '../parts/vhost.ts';
import { eventually } from './eventually.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { brokerSecret, declare } from './pod-content.ts';
import { onPodsStage, type Pod, type PodsStage } from './pods-stage.ts';
import { scrape, sumOf } from './scrape.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Gateway and runner on a broker of their own, and who sends to them. */
interface Scene extends PodsStage {
  readonly t: TestContext;
  readonly server: RabbitServer;
  readonly version: RabbitVersion;
  readonly gateway: Pod;
  readonly runner: Pod;
  /** Between the gateway and the broker. */
  readonly proxy: TcpProxy;
  /** Between the runner and the broker. */
  readonly runnerProxy: TcpProxy;
  readonly ledger: Ledger;
  /** A name for an event of the scenario. */
  name(index: number): string;
}

/** What happens to the broker, and what is to come of it. */
export interface BrokerTrouble {
  readonly name: string;
  /** What becomes of the events. */
  readonly end: 'done' | 'dead';
  readonly body: (scene: Scene) => Promise<void>;
}

/** Senders that are at work at the same time, and how long each waits between two events. */
const [SENDERS, PACE_MS] = [6, 200];

/** Events that are sent at once in the moment in which the broker is killed. */
const CROWD = 60;

/** A sender is answered within the gateway's 8 s; the rest is for a busy machine. */
const ANSWER_MS = 20_000;

/** Events under way at a time in the runner. */
const SLOTS = 10;

const QUEUE = 'ea.test.reviewer';

/** Causes that differ, since events that fail alike are handed back instead of given up. */
const refusals = [422, 404, 410, 405, 406] as const;

/** Every trouble with the broker. */
export const brokerTroubles: readonly BrokerTrouble[] = [
  {
    name: `the broker is killed (-9) with ${CROWD} publications under way, and restarted`,
    end: 'done',
    body: (scene) =>
      underLoad(scene, async (sendMore) => {
        const crowd = sendMore(CROWD);
        await scene.server.kill();
        await refused(scene);
        await scene.server.restart();
        await crowd;
      }),
  },
  {
    name: 'the broker is frozen (SIGSTOP) for 10 s',
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        scene.server.pause();
        try {
          await Promise.all([refused(scene), delay(10_000)]);
        } finally {
          scene.server.resume();
        }
      }),
  },
  {
    name: 'the disk alarm of the broker goes on, and off',
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        await scene.server.ctl('set_disk_free_limit', '900000GB');
        await refused(scene);
        await scene.server.ctl('set_disk_free_limit', '50MB');
      }),
  },
  {
    name: 'the broker closes all connections, twice',
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        for (let times = 0; times < 2; times += 1) {
          await scene.server.ctl('close_all_connections', 'a test');
          await accepted(scene, 20);
        }
      }),
  },
  {
    name: 'confirms do not reach the gateway: its senders are refused, and repeat',
    end: 'done',
    body: async (scene) => {
      const { gateway, proxy, ledger, name, sink } = scene;
      const ids = Array.from({ length: 10 }, (_, index) => name(index));
      // The channel is there before the broker falls silent.
      assert.equal(await ledger.send(gateway.gatewayUrl, name(10)), 202);
      proxy.mute('server');
      assert.deepEqual(new Set(await Promise.all(ids.map((id) => ledger.send(gateway.gatewayUrl, id)))), new Set([503]));
      await sink.until('all have run all the same', () => ids.every((id) => sink.effects().some(({ body }) => body.includes(`"${id}"`))));
      proxy.cut();
      await Promise.all(ids.map((id) => ledger.sendSurely(() => gateway.gatewayUrl, id)));
    },
  },
  {
    name: 'the work queue is full',
    end: 'done',
    body: async (scene) => {
      const { runner, gateway, ledger, name } = scene;
      await withPolicy(scene, `^${QUEUE}$`, { 'max-length': 5 }, async () => {
        runner.signal('SIGSTOP');
        const ids = Array.from({ length: 40 }, (_, index) => name(index));
        for (const id of ids) await ledger.send(gateway.gatewayUrl, id);
        assert.ok((ledger.codes()[503] ?? 0) > 0, 'some were refused');
        runner.signal('SIGCONT');
        await Promise.all(ids.map((id) => ledger.sendSurely(() => gateway.gatewayUrl, id)));
      });
    },
  },
  {
    name: 'the dead-letter queue is full, then there is room again',
    end: 'dead',
    body: (scene) =>
      withRefusingSink(scene, async (ids) => {
        await withPolicy(scene, `^${QUEUE}\\.dead$`, { 'max-length': 1, overflow: 'reject-publish' }, async () => {
          await Promise.all(ids.map((id) => scene.ledger.sendSurely(() => scene.gateway.gatewayUrl, id)));
          await held(scene);
        });
      }),
  },
  {
    name: 'the dead-letter queue is missing, then it is declared again',
    end: 'dead',
    body: (scene) =>
      withRefusingSink(scene, async (ids) => {
        await manage(scene.vhost, 'DELETE', `/api/queues/${scene.vhost.vhost}/${QUEUE}.dead`);
        await Promise.all(ids.map((id) => scene.ledger.sendSurely(() => scene.gateway.gatewayUrl, id)));
        await held(scene);
        await declare(scene.vhost, scene.reviewer.topology);
      }),
  },
  {
    name: 'the work queue is deleted under the runner, and declared again',
    end: 'done',
    body: async (scene) => {
      const { gateway, ledger, name, vhost, reviewer } = scene;
      await ledger.sendSurely(() => gateway.gatewayUrl, name(0));
      await settledAll(scene);
      await manage(vhost, 'DELETE', `/api/queues/${vhost.vhost}/${QUEUE}`);
      assert.equal(await ledger.send(gateway.gatewayUrl, name(1)), 503, 'unroutable');
      await declare(vhost, reviewer.topology);
      await Promise.all(Array.from({ length: 20 }, (_, index) => ledger.sendSurely(() => gateway.gatewayUrl, name(index + 1))));
    },
  },
];

/** Longer than it takes either end to take the other, which it does not hear, for dead. */
const SILENCE_MS = 90_000;

/** A broker that is there and says nothing, for so long that everybody takes everybody else for dead. */
export const brokerSilences: readonly BrokerTrouble[] = [
  {
    name: `the broker is frozen (SIGSTOP) for ${SILENCE_MS / 1000} s`,
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        scene.server.pause();
        try {
          await Promise.all([refused(scene), delay(SILENCE_MS)]);
        } finally {
          scene.server.resume();
        }
      }),
  },
  {
    name: `between runner and broker nothing goes through for ${SILENCE_MS / 1000} s, and no connection is closed`,
    end: 'done',
    body: (scene) =>
      underLoad(scene, async () => {
        const { runnerProxy, ledger, sink } = scene;
        runnerProxy.swallow();
        try {
          const waiting = () => ledger.accepted().size - sink.effects().length;
          const before = waiting();
          await delay(SILENCE_MS);
          assert.ok(waiting() > before + 100, `events are accepted and wait: ${before}, then ${waiting()}`);
          assert.notEqual((await scene.runner.readyz())[0], 200, 'it knows that it hears nothing');
        } finally {
          runnerProxy.heal();
        }
      }),
  },
  {
    name: 'between one of two runners and the broker nothing goes through in the middle of its runs, until the other one has done everything',
    end: 'done',
    body: async (scene) => {
      const { runnerProxy, stub, sink, ledger } = scene;
      await using other = await scene.start('runner');
      await other.untilReady();
      // Slow enough to be in the middle, and fast enough for one alone.
      stub.script(() => ({ delayMs: 150 }));
      try {
        await underLoad(scene, async () => {
          runnerProxy.swallow();
          await delay(SILENCE_MS);
        });
        const ids = [...ledger.accepted()];
        await sink.until('all are done', () => ids.every((id) => sink.effects().some(({ body }) => body.includes(`"${id}"`))), 120_000);
        assert.notEqual((await scene.runner.readyz())[0], 200, 'one still hears nothing');
      } finally {
        runnerProxy.heal();
        stub.script(() => ({ delayMs: 20 }));
      }
      await eventually('it is back', async () => (await scene.runner.readyz())[0] === 200, 60_000);
      other.signal('SIGTERM');
      assert.equal(await other.exit, 0);
    },
  },
];

/** Runs troubles one after the other on a broker of their own, each with its own ledger. */
export async function runBrokerTroubles(t: TestContext, version: RabbitVersion, troubles: readonly BrokerTrouble[]): Promise<void> {
  await using server = await partOrSkip(t, () => startRabbitMq(version));
  if (server == null) return;
  await using proxy = await createTcpProxy(Number(new URL(server.amqpUrl).port));
  await using runnerProxy = await createTcpProxy(Number(new URL(server.amqpUrl).port));
  await onPodsStage(
    t,
    server,
    async (stage) => {
      const by = ({ port }: TcpProxy) => {
        const proxied = new URL(stage.vhost.amqpUrl);
        proxied.port = String(port);
        return { broker: brokerSecret(proxied.href) };
      };
      const gateway = await stage.start('gateway', by(proxy));
      const runner = await stage.start('runner', by(runnerProxy));
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      await server.keepQueues();
      stage.stub.script(() => ({ delayMs: 20 }));
      for (const [index, { name: scenario, end, body }] of troubles.entries())
        await t.test(scenario, async (sub) => {
          const ledger = createLedger(stage);
          const name = (number: number) => `event-${index}-${number}`;
          const scene: Scene = { ...stage, t: sub, server, version, gateway, runner, proxy, runnerProxy, ledger, name };
          await body(scene);
          await ledger.close(sub, { scenario, on: `RabbitMQ ${version}`, dead: end === 'dead' ? [...ledger.accepted()] : [] });
        });
    },
    { delivery: { concurrency: SLOTS, retryDelaysSeconds: [1] } },
  );
}

/** Lets senders send, each event until it is accepted, while something happens and until it is seen to be over. */
async function underLoad(scene: Scene, happen: (sendMore: (count: number) => Promise<void>) => Promise<void>): Promise<void> {
  const { ledger, gateway, name } = scene;
  let sent = 0;
  let isOver = false;
  const sendOne = async () => {
    sent += 1;
    await ledger.sendSurely(() => gateway.gatewayUrl, name(sent));
  };
  const sender = async () => {
    while (!isOver) {
      await sendOne();
      await delay(PACE_MS);
    }
  };
  const sending = Promise.all(Array.from({ length: SENDERS }, sender));
  try {
    await accepted(scene, 20);
    await happen(async (count) => void (await Promise.all(Array.from({ length: count }, sendOne))));
    await accepted(scene, 20);
  } finally {
    isOver = true;
    await sending;
  }
}

/** Waits until so many more events are accepted. */
async function accepted({ ledger }: Scene, count: number): Promise<void> {
  const wanted = ledger.accepted().size + count;
  await eventually(`${count} more are accepted`, async () => ledger.accepted().size >= wanted, 90_000);
}

/** Waits until senders are refused that were not before. */
async function refused({ ledger }: Scene): Promise<void> {
  const before = ledger.codes()[503] ?? 0;
  await eventually('senders are refused', async () => (ledger.codes()[503] ?? 0) > before, ANSWER_MS);
}

/** Runs with a policy on the queues of a pattern, as a platform team would set it, and takes it away again. */
async function withPolicy({ vhost, version }: Scene, pattern: string, definition: object, body: () => Promise<void>): Promise<void> {
  const path = `/api/policies/${vhost.vhost}/trouble`;
  await manage(vhost, 'PUT', path, { pattern, definition, 'apply-to': 'queues', priority: 1 });
  const queue = pattern.replaceAll(/[\^$\\]/g, '');
  await eventually(`the policy holds on ${version}`, async () => {
    const { policy } = (await manage(vhost, 'GET', `/api/queues/${vhost.vhost}/${queue}`)) as { readonly policy?: string };
    return policy === 'trouble';
  });
  try {
    await body();
  } finally {
    await manage(vhost, 'DELETE', path);
  }
}

/** Runs with a sink that refuses every event, for causes that differ. */
async function withRefusingSink({ sink, name }: Scene, body: (ids: readonly string[]) => Promise<void>): Promise<void> {
  sink.script(({ ordinal }) => ({ status: refusals[ordinal % refusals.length] ?? 422 }));
  try {
    await body(Array.from({ length: 8 }, (_, index) => name(index)));
  } finally {
    sink.script(() => ({}));
  }
}

/** Waits until the runner says that a settling publish is not taken. */
async function held({ runner }: Scene): Promise<void> {
  await eventually(
    'the runner says that its dead letters are not taken',
    async () => sumOf(await scrape(`${runner.metricsUrl}/metrics`), 'eventagent_settle_refused') > 0,
    30_000,
  );
}

/** Waits until every accepted event had its effect, and nothing is in the queue any more. */
async function settledAll({ ledger, sink, vhost }: Scene): Promise<void> {
  const ids = [...ledger.accepted()];
  await sink.until('all are done', () => ids.every((id) => sink.effects().some(({ body }) => body.includes(`"${id}"`))), 30_000);
  await eventually('the queue is empty', async () => {
    const { messages } = (await manage(vhost, 'GET', `/api/queues/${vhost.vhost}/${QUEUE}`)) as { readonly messages?: number };
    return messages === 0;
  });
}
