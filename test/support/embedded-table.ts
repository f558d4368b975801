import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedBrokerOptions } from '../../src/broker/embedded.ts';
import type { BrokerConnection, Channel } from '../../src/broker/port.ts';
import type { QueueArguments } from '../../src/broker/topology.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

/** An embedded broker on a clock that stands still, with a direct exchange `x` and a connection. */
export interface EmbeddedTable {
  readonly clock: VirtualClock;
  readonly broker: EmbeddedBroker;
  readonly connection: BrokerConnection;
  /** Waits for something that the broker does, with its clock moved as far as that takes. */
  finish<Result>(result: Promise<Result>): Promise<Result>;
  /** Declares a quorum queue that is bound to `x` by its own name. */
  queue(name: string, args?: QueueArguments): Promise<void>;
  open(connection?: BrokerConnection): Promise<Channel>;
  send(channel: Channel, key: string, id: string): ReturnType<Channel['publish']>;
  /** The messages of a queue, each by its id and state. */
  at(queue: string): readonly string[];
}

/** A signal that is never aborted. */
export const never = new AbortController().signal;

/** Dead-letter arguments as the product's own queues have them. */
export const deadLetterTo = (key: string): QueueArguments => ({
  'x-dead-letter-exchange': 'x',
  'x-dead-letter-routing-key': key,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});

/** Full with one message. */
export const full: QueueArguments = { 'x-max-length': 0, 'x-overflow': 'reject-publish' };

/** Sets the table; version 4.3 unless said otherwise. */
export async function embeddedTable(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedTable> {
  const clock = createVirtualClock(0);
  const broker = createEmbeddedBroker({ clock, profile: '4.3', ...options });
  const connection = broker.connect();
  const finish: EmbeddedTable['finish'] = async (result) => {
    let done = false;
    void result
      .catch(() => {})
      .finally(() => {
        done = true;
      });
    await clock.runUntil(() => done, 600_000);
    return await result;
  };
  await finish(broker.admin.apply({ do: 'declare-exchange', exchange: { name: 'x', type: 'direct' } }, never));
  return {
    clock,
    broker,
    connection,
    finish,
    async queue(name, args = {}) {
      const queue = { name, role: 'work' as const, arguments: { 'x-queue-type': 'quorum', ...args } };
      await finish(broker.admin.apply({ do: 'declare-queue', queue }, never));
      await finish(broker.admin.apply({ do: 'bind', binding: { source: 'x', queue: name, routingKey: name } }, never));
    },
    open: (from = connection) => finish(from.openChannel({ prefetch: 10 }, never)),
    send: (channel, routingKey, id) => channel.publish({ exchange: 'x', routingKey, messageId: id, headers: {}, body: Buffer.from(id) }),
    at: (queue) => broker.messages(queue).map(({ messageId, state }) => `${messageId} ${state}`),
  };
}
