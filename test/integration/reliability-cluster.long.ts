import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RabbitServer, type RabbitVersion, rabbitVersions } from '../parts/rabbitmq.ts';
import { type RabbitCluster, startRabbitCluster } from '../parts/rabbitmq-cluster.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manage } from '../parts/vhost.ts';
import { eventually } from '../support/eventually.ts';
import { createLedger, type Ledger } from '../support/ledger.ts';
import { brokerSecret } from '../support/pod-content.ts';
import { onPodsStage, type Pod, type PodsStage } from '../support/pods-stage.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const QUEUE = 'ea.test.reviewer';

/** Senders at work at the same time, and how long each waits between two events. */
const [SENDERS, PACE_MS] = [6, 150];

/** Events that are accepted meanwhile, to show that intake goes on. */
const ENOUGH = 40;

interface Scene extends PodsStage {
  readonly cluster: RabbitCluster;
  /** What a Service does: it leads gateway and runner to a node that is up. */
  readonly service: TcpProxy;
  readonly gateway: Pod;
  readonly ledger: Ledger;
  /** The node on which the leader of the work queue is, and another one. */
  places(): Promise<{ readonly leader: RabbitServer; readonly other: RabbitServer }>;
  /** Leads them to a node, also those that are led elsewhere now. */
  lead(node: RabbitServer): void;
  /** Waits until so many more events are accepted. */
  more(): Promise<void>;
}

const portOf = ({ amqpUrl }: Pick<RabbitServer, 'amqpUrl'>) => Number(new URL(amqpUrl).port);

/** What happens to a cluster while events are sent. */
const troubles: readonly { readonly name: string; readonly happen: (scene: Scene) => Promise<void> }[] = [
  {
    name: "the node with the queue's leader is killed (-9): confirms go on with the two others, and it comes back",
    happen: async ({ places, lead, more }) => {
      const { leader, other } = await places();
      lead(other);
      await more();
      await leader.kill();
      await more();
      await leader.restart();
      await more();
    },
  },
  {
    name: "the node that gateway and runner are connected to, and the queue's leader is on, is killed (-9)",
    happen: async ({ places, lead, more }) => {
      const { leader, other } = await places();
      lead(leader);
      await more();
      await leader.kill();
      lead(other);
      await more();
      await leader.restart();
      await more();
    },
  },
  {
    name: 'one node is cut off from the two others: nothing is accepted there, everything is here, and it comes back',
    happen: async ({ cluster, places, lead, more, start, vhost, ledger }) => {
      const { leader, other } = await places();
      lead(other);
      const address = new URL(vhost.amqpUrl);
      address.port = String(portOf(leader));
      const lonely = await start('gateway', { broker: brokerSecret(address.href) });
      await lonely.untilReady();
      assert.equal(await ledger.send(lonely.gatewayUrl, 'before'), 202);
      await cluster.isolate(leader);
      // From when the broker has noticed; what is confirmed before by all three is as good as ever.
      await eventually('the lonely gateway is refused', async () => (await ledger.send(lonely.gatewayUrl, 'lonely')) === 503, 60_000);
      const codes = await Promise.all(Array.from({ length: 20 }, (_, index) => ledger.send(lonely.gatewayUrl, `lonely-${index}`)));
      assert.deepEqual(new Set(codes), new Set([503]), 'no 2xx in the minority');
      await more();
      await cluster.rejoin(leader);
      for (const index of codes.keys()) await ledger.sendSurely(() => lonely.gatewayUrl, `lonely-${index}`);
      await more();
      lonely.signal('SIGTERM');
      assert.equal(await lonely.exit, 0);
    },
  },
  {
    name: 'a rolling restart of the three nodes',
    happen: async ({ cluster, lead, more }) => {
      for (const [index, node] of cluster.nodes.entries()) {
        lead(cluster.nodes[(index + 1) % cluster.nodes.length] ?? node);
        await more();
        await cluster.roll(node);
        await more();
      }
    },
  },
];

async function onCluster(t: TestContext, version: RabbitVersion): Promise<void> {
  await using cluster = await partOrSkip(t, () => startRabbitCluster(version));
  if (cluster == null) return;
  const [first] = cluster.nodes;
  assert.ok(first);
  await using service = await createTcpProxy(portOf(first));
  await onPodsStage(
    t,
    first,
    async (stage) => {
      const { vhost, start, stub } = stage;
      const led = new URL(vhost.amqpUrl);
      led.port = String(service.port);
      const broker = brokerSecret(led.href);
      stub.script(() => ({ delayMs: 50 }));
      const [gateway, runner] = [await start('gateway', { broker }), await start('runner', { broker })];
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      const queue = async () =>
        (await manage(vhost, 'GET', `/api/queues/${vhost.vhost}/${QUEUE}`)) as {
          readonly leader?: string;
          readonly members?: readonly string[];
          readonly online?: readonly string[];
        };
      const isWhole = async () => {
        const { members, online } = await queue().catch(() => ({ members: [], online: [] }));
        return members?.length === cluster.nodes.length && online?.length === cluster.nodes.length;
      };
      await eventually('the queue has a member on each node', isWhole);
      for (const node of cluster.nodes) await node.keepQueues();
      for (const [index, { name, happen }] of troubles.entries())
        await t.test(name, async (sub) => {
          const ledger = createLedger(stage);
          let count = 0;
          let isOver = false;
          const sender = async () => {
            while (!isOver) {
              count += 1;
              await ledger.sendSurely(() => gateway.gatewayUrl, `event-${index}-${count}`);
              await delay(PACE_MS);
            }
          };
          const more = async () => {
            const wanted = ledger.accepted().size + ENOUGH;
            await eventually('more are accepted', async () => ledger.accepted().size >= wanted, 120_000);
          };
          const sending = Promise.all(Array.from({ length: SENDERS }, sender));
          try {
            await more();
            await happen({
              ...stage,
              cluster,
              service,
              gateway,
              ledger,
              more,
              lead: (node) => {
                service.leadTo(portOf(node));
                service.cut();
              },
              places: async () => {
                const { leader: name } = await queue();
                const leader = cluster.nodes.find(({ nodeName }) => nodeName === name);
                const other = cluster.nodes.find(({ nodeName }) => nodeName !== name);
                assert.ok(leader !== undefined && other !== undefined);
                return { leader, other };
              },
            });
          } finally {
            isOver = true;
            await sending;
          }
          await eventually('the queue has all its members again', isWhole, 120_000);
          await ledger.close(sub, { scenario: name, on: `RabbitMQ ${version}, three nodes`, timeoutMs: 180_000 });
          sub.diagnostic(`answers: ${JSON.stringify(ledger.codes())}`);
        });
    },
    { delivery: { concurrency: 8, retryDelaysSeconds: [1] } },
  );
}

suite('a cluster of three nodes, by the ledger', () => {
  for (const version of rabbitVersions) test(`RabbitMQ ${version}`, { timeout: 1_200_000 }, (t) => onCluster(t, version));
});
