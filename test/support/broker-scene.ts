import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RabbitServer, type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { eventually } from './eventually.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { brokerSecret } from './pod-content.ts';
import { onPodsStage, type Pod, type PodsStage } from './pods-stage.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Gateway and runner on a broker of their own, and who sends to them. */
export interface Scene extends PodsStage {
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

/** A sender is answered within the gateway's 8 s; the rest is for a busy machine. */
const ANSWER_MS = 20_000;

/** Events under way at a time in the runner. */
const SLOTS = 10;

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
export async function underLoad(scene: Scene, happen: (sendMore: (count: number) => Promise<void>) => Promise<void>): Promise<void> {
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
export async function accepted({ ledger }: Scene, count: number): Promise<void> {
  const wanted = ledger.accepted().size + count;
  await eventually(`${count} more are accepted`, async () => ledger.accepted().size >= wanted, 90_000);
}

/** Waits until senders are refused that were not before. */
export async function refused({ ledger }: Scene): Promise<void> {
  const before = ledger.codes()[503] ?? 0;
  await eventually('senders are refused', async () => (ledger.codes()[503] ?? 0) > before, ANSWER_MS);
}
