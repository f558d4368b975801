import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { manage } from '../parts/vhost.ts';
import { accepted, type BrokerTrouble, refused, type Scene, underLoad } from './broker-scene.ts';
import { buriedMessage } from './dead-letter-stage.ts';
import { eventually } from './eventually.ts';
import { declare } from './pod-content.ts';
import { scrape, sumOf } from './scrape.ts';

/** Events that are sent at once in the moment in which the broker is killed. */
const CROWD = 60;

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
          await fill(scene, `${QUEUE}.dead`);
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

/** Publishes to a queue until it refuses: that its policy is told does not say that it has come into effect. */
async function fill({ vhost }: Scene, queue: string): Promise<void> {
  const connection = connectRabbitMq({ url: vhost.amqpUrl, name: 'test' });
  try {
    const channel = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
    const message = { ...buriedMessage({ id: 'filling' }), exchange: '', routingKey: queue };
    await eventually(`${queue} is full`, async () => (await channel.publish(message)) === 'refused');
  } finally {
    await connection.close();
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
  await sink.until('all are done', () => ids.every((id) => sink.effects().some(({ body }) => body.includes(`"${id}"`))));
  await eventually('the queue is empty', async () => {
    const { messages } = (await manage(vhost, 'GET', `/api/queues/${vhost.vhost}/${QUEUE}`)) as { readonly messages?: number };
    return messages === 0;
  });
}
