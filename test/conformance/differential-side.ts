import type { Headers, HeaderValue } from '../../src/api/message.ts';
import { BrokerError, type Channel, type ChannelEnd, type Delivery } from '../../src/broker/port.ts';
import type { QueueArguments } from '../../src/broker/topology.ts';
import { type BrokerWorld, type Desk, deadLetterTo, EXCHANGE, ids, openDesk, send, signal } from './broker-world.ts';

/** How long the tier keeps a message. */
export const TIER_MS = 1_000;

/** The queues of a run, with what makes each worth looking at. */
export const queues: Readonly<Record<string, QueueArguments>> = {
  dead: { 'x-delivery-limit': 1_000_000 },
  work: { 'x-delivery-limit': 2, ...deadLetterTo('dead') },
  tier: { 'x-message-ttl': TIER_MS, ...deadLetterTo('work') },
  plain: {},
  endless: { 'x-delivery-limit': -1 },
  full: { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
  // No dead-letter strategy: at most once, here into a queue that takes everything.
  newest: { 'x-max-length': 2, 'x-dead-letter-exchange': EXCHANGE, 'x-dead-letter-routing-key': 'dead' },
};

/** Where messages are published to, beside each queue by its own name. */
export const keys = [...Object.keys(queues), 'both', 'a.b', 'a', 'b.a', 'nowhere'] as const;

/** A channel's prefetch by its number. */
const prefetches = [1, 2, 5] as const;

/** One thing that a client does. Channels are opened when they are first used, and again after their end. */
export type Operation =
  | { readonly do: 'publish'; readonly channel: number; readonly key: string }
  | { readonly do: 'publish-nowhere'; readonly channel: number }
  | { readonly do: 'consume' | 'get'; readonly channel: number; readonly queue: string }
  | { readonly do: 'cancel' | 'close'; readonly channel: number }
  | { readonly do: 'ack'; readonly channel: number; readonly pick: number }
  | { readonly do: 'nack' | 'reject'; readonly channel: number; readonly pick: number; readonly requeue: boolean }
  | { readonly do: 'cut' }
  | { readonly do: 'elapse' };

interface OpenChannel {
  readonly channel: Channel;
  readonly unsettled: { readonly queue: string; readonly delivery: Delivery }[];
  consumes: string | undefined;
}

/** A broker with a client on it that does operations and keeps what it sees. */
export class Side {
  readonly #world: BrokerWorld;
  readonly #desk: Desk;
  readonly #channels = new Map<number, OpenChannel>();
  #sent = 0;
  /** What has been delivered, and which channels have ended, by channel; complete as far as it has come. */
  readonly seen: Record<string, string[]> = {};

  private constructor(world: BrokerWorld, desk: Desk) {
    this.#world = world;
    this.#desk = desk;
  }

  /** Declares the topology of a run on an empty world. */
  static async create(world: BrokerWorld): Promise<Side> {
    const desk = await openDesk(world);
    await desk.queues({ ...queues, barrier: {} });
    await world.admin.apply({ do: 'declare-exchange', exchange: { name: 't', type: 'topic' } }, signal());
    for (const queue of ['full', 'plain']) await desk.bind(EXCHANGE, queue, 'both');
    await desk.bind('t', 'work', 'a.#');
    await desk.bind('t', 'plain', '*.b');
    return new Side(world, desk);
  }

  /** Does an operation; what came of it, as far as the client is told. */
  async perform(operation: Operation): Promise<string> {
    if (operation.do === 'cut') return await this.#cut();
    if (operation.do === 'elapse') return 'elapsed';
    const open = await this.#open(operation.channel);
    try {
      const outcome = await this.#on(open, operation);
      // There and back on the same channel: what was sent without an answer has arrived.
      if (!open.channel.ended.aborted) await open.channel.get('barrier');
      return outcome;
    } catch (error) {
      if (error instanceof BrokerError) return error.code;
      throw error;
    }
  }

  /** How many messages each queue has ready. */
  async ready(): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (const queue of Object.keys(queues)) counts[queue] = await this.#world.ready(queue);
    return counts;
  }

  /** The numbers of the channels that are open, in the order of their opening. */
  get open(): readonly number[] {
    return [...this.#channels.keys()];
  }

  /** Whether the order is certain in which messages come back when everything goes down at once: no queue is used by two channels. */
  get isOrderly(): boolean {
    const used = [...this.#channels.values()].flatMap(({ consumes, unsettled }) => [
      ...new Set([consumes, ...unsettled.map(({ queue }) => queue)]),
    ]);
    const names = used.filter((queue) => queue !== undefined);
    return new Set(names).size === names.length;
  }

  /** Empties a queue; what was in it. */
  async drain(queue: string): Promise<readonly string[]> {
    return (await this.#desk.drain(queue)).map((delivery) => this.#describe(queue, delivery));
  }

  async #cut(): Promise<string> {
    if (!this.isOrderly) return 'skipped';
    const lost = [...this.#channels.values()];
    await this.#world.cut();
    await Promise.all(lost.map(({ channel }) => untilEnded(channel)));
    // The connection is back.
    await (await this.#desk.channel()).close();
    return 'cut';
  }

  async #open(number: number): Promise<OpenChannel> {
    const present = this.#channels.get(number);
    if (present !== undefined) return present;
    const channel = await this.#desk.channel(prefetches[number] ?? 1);
    const open: OpenChannel = { channel, unsettled: [], consumes: undefined };
    this.#channels.set(number, open);
    channel.ended.addEventListener('abort', () => {
      this.#channels.delete(number);
      this.#see(number, `ended: ${(channel.ended.reason as ChannelEnd).code}`);
    });
    return open;
  }

  async #on(open: OpenChannel, operation: Exclude<Operation, { do: 'cut' | 'elapse' }>): Promise<string> {
    const { channel, unsettled } = open;
    switch (operation.do) {
      case 'publish': {
        const exchange = operation.key.includes('.') || operation.key === 'a' ? 't' : EXCHANGE;
        return await send(channel, operation.key, `m${++this.#sent}`, { exchange, headers: { n: this.#sent, own: ['x', { y: null }] } });
      }
      case 'publish-nowhere':
        return await send(channel, 'k', 'none', { exchange: 'missing' });
      case 'consume': {
        if (open.consumes !== undefined) return 'consumes already';
        const { queue } = operation;
        open.consumes = queue;
        await channel.consume(queue, (delivery) => {
          unsettled.push({ queue, delivery });
          this.#see(operation.channel, this.#describe(queue, delivery));
        });
        return 'consumes';
      }
      case 'cancel':
        await channel.cancel();
        open.consumes = undefined;
        return 'cancelled';
      case 'get': {
        const delivery = await channel.get(operation.queue);
        if (delivery === undefined) return 'empty';
        unsettled.push({ queue: operation.queue, delivery });
        return this.#describe(operation.queue, delivery);
      }
      case 'close':
        await channel.close();
        return 'closed';
      default: {
        const [picked] = unsettled.splice(operation.pick % Math.max(unsettled.length, 1), 1);
        if (picked === undefined) return 'nothing to settle';
        if (operation.do === 'ack') channel.ack(picked.delivery);
        else channel[operation.do](picked.delivery, { requeue: operation.requeue });
        return `${operation.do} ${picked.queue} ${ids([picked.delivery])}`;
      }
    }
  }

  #see(channel: number, what: string): void {
    const list = this.seen[channel] ?? [];
    this.seen[channel] = list;
    list.push(what);
  }

  #describe(queue: string, delivery: Delivery): string {
    const { messageId, exchange, routingKey, redelivered, headers } = delivery;
    return JSON.stringify({ queue, messageId, exchange, routingKey, redelivered, headers: timeless(headers) });
  }
}

/** Headers in a fixed order and without the times of deaths, which no two brokers share. */
function timeless(value: Headers | HeaderValue): unknown {
  if (Array.isArray(value)) return value.map(timeless);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== 'time');
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([name, inner]) => [name, timeless(inner)]));
}

function untilEnded(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    if (channel.ended.aborted) resolve();
    else channel.ended.addEventListener('abort', () => resolve(), { once: true });
  });
}
