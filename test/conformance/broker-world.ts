import type { Message } from '../../src/api/message.ts';
import type { BrokerVersion } from '../../src/broker/embedded-profile.ts';
import type { ExchangeType } from '../../src/broker/embedded-routing.ts';
import type { BrokerConnection, Channel, Delivery, PublishOutcome } from '../../src/broker/port.ts';
import type { QueueArguments, TopologyAdmin } from '../../src/broker/topology.ts';
import { createWatchable } from '../support/until.ts';

/** A broker under test, all to itself, and what a test does to it from outside. */
export interface BrokerWorld extends AsyncDisposable {
  readonly version: BrokerVersion;
  /** Opens a connection, which the world closes in the end. */
  connect(): BrokerConnection;
  readonly admin: TopologyAdmin;
  /** Declares an exchange as somebody else would have done. */
  declareExchange(name: string, type: ExchangeType): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** How many messages of a queue are ready for delivery. */
  ready(queue: string): Promise<number>;
  /** How many messages a queue has in all: ready, delivered, or held because they cannot be moved on. */
  total(queue: string): Promise<number>;
  /** Cuts every connection. */
  cut(): Promise<void>;
  /** The broker dies and comes back with its data. */
  restart(): Promise<void>;
  /** Begins or ends a memory alarm. */
  setAlarm(on: boolean): Promise<void>;
}

/** Makes a world; `undefined` where the part is missing and the test has been skipped. */
export type MakeWorld = (test: { skip(message?: string): void }) => Promise<BrokerWorld | undefined>;

/** What a case gets to work with: a world with a direct exchange `x`, and the handles of everyday life. */
export interface Desk {
  readonly world: BrokerWorld;
  readonly connection: BrokerConnection;
  /** A channel on the desk's connection. */
  channel(prefetch?: number): Promise<Channel>;
  /** Declares quorum queues and binds each to `x` by its own name. */
  queues(queues: Readonly<Record<string, QueueArguments>>): Promise<void>;
  /** Binds a queue. */
  bind(source: string, queue: string, routingKey: string, args?: QueueArguments): Promise<void>;
  /** Takes messages by `get` and acknowledges them, until there is none. */
  drain(queue: string): Promise<readonly Delivery[]>;
}

/** The exchange of the desk. */
export const EXCHANGE = 'x';

/** Long enough for whatever a case waits for, on a busy machine. */
export const signal = (): AbortSignal => AbortSignal.timeout(30_000);

/** Dead-letter arguments as the product's own queues have them, to the queue `key` on `x`. */
export const deadLetterTo = (key: string): QueueArguments => ({
  'x-dead-letter-exchange': EXCHANGE,
  'x-dead-letter-routing-key': key,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});

/** A desk in a world. */
export async function openDesk(world: BrokerWorld): Promise<Desk> {
  const connection = world.connect();
  const { admin } = world;
  await admin.apply({ do: 'declare-exchange', exchange: { name: EXCHANGE, type: 'direct' } }, signal());
  const bind: Desk['bind'] = (source, queue, routingKey, args) =>
    admin.apply({ do: 'bind', binding: { source, queue, routingKey, ...(args === undefined ? {} : { arguments: args }) } }, signal());
  const channel: Desk['channel'] = (prefetch = 10) => connection.openChannel({ prefetch }, signal());
  return {
    world,
    connection,
    channel,
    bind,
    async queues(queues) {
      for (const [name, args] of Object.entries(queues)) {
        const queue = { name, role: 'work' as const, arguments: { 'x-queue-type': 'quorum', ...args } };
        await admin.apply({ do: 'declare-queue', queue }, signal());
        await bind(EXCHANGE, name, name);
      }
    },
    async drain(queue) {
      const drainer = await channel();
      const deliveries: Delivery[] = [];
      for (let delivery = await drainer.get(queue); delivery !== undefined; delivery = await drainer.get(queue)) {
        deliveries.push(delivery);
        drainer.ack(delivery);
      }
      await drainer.close();
      return deliveries;
    },
  };
}

/** Publishes a message that is known by `id`, by default with the id as its body. */
export function send(
  channel: Channel,
  routingKey: string,
  id: string,
  more: Partial<Message> & { exchange?: string } = {},
): Promise<PublishOutcome> {
  return channel.publish({ exchange: EXCHANGE, routingKey, messageId: id, headers: {}, body: Buffer.from(id), ...more });
}

/** Deliveries of a consumer, as they come. */
export interface Inbox {
  readonly deliveries: Delivery[];
  /** Resolves with the first `count` deliveries as soon as there are so many. */
  first(count: number): Promise<readonly Delivery[]>;
}

/** Consumes into an inbox; `onDelivery` sees each delivery as it comes. */
export async function inboxOf(channel: Channel, queue: string, onDelivery: (delivery: Delivery) => void = () => {}): Promise<Inbox> {
  const deliveries: Delivery[] = [];
  const watch = createWatchable();
  await channel.consume(queue, (delivery) => {
    deliveries.push(delivery);
    onDelivery(delivery);
    watch.changed();
  });
  return {
    deliveries,
    async first(count) {
      await watch.until(`${count} deliveries of ${queue}`, () => deliveries.length >= count);
      return deliveries.slice(0, count);
    },
  };
}

/** The ids of messages. */
export const ids = (messages: readonly Message[]): readonly (string | undefined)[] => messages.map(({ messageId }) => messageId);

/** Resolves when a channel has ended, with the reason's code. */
export function endOf(channel: Channel): Promise<string> {
  const { ended } = channel;
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('the channel has not ended within 30 s')), 30_000);
    const tell = () => {
      clearTimeout(deadline);
      resolve((ended.reason as { readonly code: string }).code);
    };
    if (ended.aborted) tell();
    else ended.addEventListener('abort', tell, { once: true });
  });
}
