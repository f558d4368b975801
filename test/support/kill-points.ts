import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import type { RabbitVersion } from '../parts/rabbitmq.ts';
import { manage } from '../parts/vhost.ts';
import { eventually } from './eventually.ts';
import { createGate } from './gate.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { brokerSecret } from './pod-content.ts';
import { onPodsStage, type Pod, type PodsStage } from './pods-stage.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A runner that reaches broker and store through proxies, with nothing to do yet. */
interface Scene extends PodsStage {
  readonly runner: Pod;
  readonly broker: TcpProxy;
  readonly store: TcpProxy;
  /** Sends the event, which is accepted. */
  send(): Promise<void>;
  /** Waits until the record of the event says so. */
  recorded(text: string): Promise<void>;
  /** Waits until so many messages of a queue are in somebody's hands, or in it at all. */
  counted(queue: string, what: 'messages' | 'messages_unacknowledged', count: number): Promise<void>;
}

/** A moment in the life of an event at which its process is killed. */
export interface KillPoint {
  readonly name: string;
  readonly end: 'done' | 'dead';
  /** `dev-kills.test.ts` has it, by `dev`. */
  readonly byDev?: true;
  /** How often the model may be paid in all. */
  readonly mostCalls: number;
  /** Brings the runner there. */
  readonly reach: (scene: Scene) => Promise<void>;
}

const WORK = 'ea.test.reviewer';
const EVENT = 'event-1';

/** Outputs, in their order. */
const OUTPUTS = ['one', 'two'] as const;

/** An acknowledgement on the wire, behind the number of its channel: a method frame of 13 bytes, class 60, method 80. AMQP 0-9-1, sections 2.3.5 and 4.2.4. */
const ACK = Buffer.from('0000000d003c0050', 'hex');
const ACK_STARTS = 3;

/** A publication on the wire: class 60, method 40, and a reserved short that is 0. */
const PUBLISH = Buffer.from('003c00280000', 'hex');

/** From the first acknowledgement on the broker hears nothing of the runner. */
const loseAcks = (proxy: TcpProxy) => proxy.muteClientFrom((said) => said.indexOf(ACK) - ACK_STARTS);

/** Never opened: what waits for it is under way until the process dies. */
const shut = () => createGate().opened;

/** Every moment, in the order of an event's life. */
export const killPoints: readonly KillPoint[] = [
  {
    name: 'before the record is taken',
    end: 'done',
    mostCalls: 1,
    reach: async ({ store, send, counted, database }) => {
      store.slow(60_000);
      await send();
      await counted(WORK, 'messages_unacknowledged', 1);
      assert.deepEqual(await recordsIn(database.url), []);
    },
  },
  {
    name: 'after the record is taken, before the runner knows',
    end: 'done',
    mostCalls: 1,
    reach: async ({ store, send, recorded }) => {
      store.mute('server');
      await send();
      await recorded('"phase":"running"');
    },
  },
  {
    name: 'while the model has not begun to answer',
    end: 'done',
    byDev: true,
    mostCalls: 2,
    reach: async ({ stub, send }) => {
      stub.next({ hold: { at: 'headers', until: shut() } });
      await send();
      await stub.until('the call is held', () => stub.underWay(1) === 'headers');
    },
  },
  {
    name: 'in the middle of the answer',
    end: 'done',
    byDev: true,
    mostCalls: 2,
    reach: async ({ stub, send }) => {
      stub.next({ hold: { at: 'stream', until: shut() } });
      await send();
      await stub.until('the stream is held', () => stub.underWay(1) === 'stream');
    },
  },
  {
    name: 'after the effect of the first output, before its answer',
    end: 'done',
    byDev: true,
    mostCalls: 1,
    reach: async ({ sink, send }) => {
      sink.script(({ ordinal }) => (ordinal === 1 ? { until: shut() } : {}));
      await send();
      await sink.until('the request is held', () => sink.effects().length === 1);
    },
  },
  {
    name: 'between two outputs',
    end: 'done',
    byDev: true,
    mostCalls: 1,
    reach: async ({ sink, send }) => {
      sink.script(({ ordinal }) => (ordinal === 2 ? { until: shut(), effect: false } : {}));
      await send();
      await sink.until('the second request is held', () => sink.requests().length === 2);
    },
  },
  {
    name: 'after the last effect is recorded, before the acknowledgement',
    end: 'done',
    mostCalls: 1,
    reach: async ({ broker, send, recorded }) => {
      loseAcks(broker);
      await send();
      await recorded('"phase":"done"');
    },
  },
  {
    name: 'after the retry is published, before its confirm',
    end: 'done',
    mostCalls: 1,
    reach: async ({ broker, sink, send, counted }) => {
      sink.script(({ ordinal }) => (ordinal === 1 ? { status: 503 } : {}));
      broker.muteClientFrom((said) => {
        if (said.includes(PUBLISH)) broker.mute('server');
        return -1;
      });
      await send();
      await counted(`${WORK}.retry.30000`, 'messages', 1);
    },
  },
  {
    name: 'after the retry is confirmed, before the acknowledgement',
    end: 'done',
    mostCalls: 1,
    reach: async ({ broker, sink, send, recorded }) => {
      sink.script(({ ordinal }) => (ordinal === 1 ? { status: 503 } : {}));
      loseAcks(broker);
      await send();
      await recorded('"phase":"parked"');
    },
  },
  {
    name: 'after the dead letter is confirmed, before the acknowledgement',
    end: 'dead',
    mostCalls: 1,
    reach: async ({ broker, sink, send, recorded }) => {
      sink.script(() => ({ status: 422 }));
      loseAcks(broker);
      await send();
      await recorded('"phase":"dead"');
    },
  },
];

/** Kills a runner (-9) at a moment of an event's life, lets another one take its place, and closes the ledger. */
export async function runKillPoint(t: TestContext, version: RabbitVersion, { name, end, mostCalls, reach }: KillPoint): Promise<void> {
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const { vhost, database, stub, start } = stage;
      const [proxiedBroker, proxiedStore] = [new URL(vhost.amqpUrl), new URL(database.url)];
      await using broker = await createTcpProxy(Number(proxiedBroker.port));
      await using store = await createTcpProxy(Number(proxiedStore.port));
      proxiedBroker.port = String(broker.port);
      proxiedStore.port = String(store.port);
      const ledger: Ledger = createLedger(stage);
      const gateway = await start('gateway');
      const runner = await start('runner', { broker: brokerSecret(proxiedBroker.href), store: { connection_string: proxiedStore.href } });
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      await reach({
        ...stage,
        runner,
        broker,
        store,
        send: async () => assert.equal(await ledger.send(gateway.gatewayUrl, EVENT), 202),
        recorded: async (text) => {
          await eventually(`a record with ${text}`, async () => (await recordsIn(database.url)).some((record) => record.includes(text)));
        },
        counted: async (queue, what, count) => {
          await eventually(`${count} ${what} of ${queue}`, async () => {
            const found = (await manage(vhost, 'GET', `/api/queues/${vhost.vhost}/${queue}`)) as Readonly<Record<string, unknown>>;
            return found[what] === count;
          });
        },
      });
      await runner.kill();
      await (await start('runner')).untilReady();
      await ledger.close(t, {
        scenario: `the runner is killed (-9) ${name}`,
        on: `RabbitMQ ${version}`,
        outputs: OUTPUTS.map((output) => `/${output}`),
        dead: end === 'dead' ? [EVENT] : [],
        mostBoughtAgain: mostCalls - 1,
      });
      assert.ok(stub.received().length <= mostCalls, `${stub.received().length} calls`);
    },
    // A tier that outlives the test's look at it.
    { outputs: OUTPUTS, delivery: { retryDelaysSeconds: [30] } },
  );
}

/** The records of events in a database, as texts. */
async function recordsIn(url: string): Promise<readonly string[]> {
  const redis = new Redis(url);
  try {
    const keys = (await redis.keys('ea:{test/reviewer}:event:*')).filter((key) => !key.endsWith(':lease'));
    return await Promise.all(keys.map(async (key) => JSON.stringify(await redis.hgetall(key)).replaceAll('\\"', '"')));
  } finally {
    redis.disconnect();
  }
}
