import { type DeadLetter, deadLetterOf } from '../api/dead-letter.ts';
import type { BrokerNames } from '../api/names.ts';
import { type BrokerConnection, BrokerError, type Channel, type ChannelEnd, type Delivery } from '../broker/port.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { CodedError } from '../lib/errors.ts';

/** So many messages are in memory at a time, bodies included: as many as fit into so many bytes, by the largest seen so far, and the first of these numbers to begin with. */
const PAGE = { least: 100, most: 1000, bytes: 32 * 1024 * 1024 };

/** A queue that delivers nothing for so long has nothing more for us, whatever it counted: somebody else looks at the rest. */
const QUIET_MS = 3_000;

/** How long a page that goes back is waited for before the next one does, and how often that is looked at. */
const RETURN_MS = 200;
const RETURN_LOOK_MS = 10;

/** Dead letters cannot be read. `NoQueue`: the broker has no dead-letter queue for the agent. */
export class DeadLetterError extends CodedError<'NoQueue'> {}

/** A message of a dead-letter queue. */
export interface Found {
  readonly letter: DeadLetter;
  readonly delivery: Delivery;
  /** Takes it out of the queue for good. Throws `BrokerError`. */
  acknowledge(): void;
}

/** What is read of a dead-letter queue, and how. */
export interface ReadingOptions {
  readonly connection: BrokerConnection;
  readonly names: BrokerNames;
  readonly clock: Clock;
  /** A signal that is aborted when the broker has had its time to give us a channel. */
  readonly connect: () => AbortSignal;
}

/**
 * Looks at an agent's dead letters in the order of their queue. Each message is taken and not acknowledged, so that none comes twice and nobody else gets it meanwhile; all that
 * was not acknowledged goes back to its place with `close`, or with the process, in which case pages may change places. A delivery may be held for 30 minutes (the broker's
 * consumer timeout).
 */
export class DeadLetterReading implements AsyncDisposable {
  /** How many messages were ready at the start. */
  readonly depth: number;
  readonly #options: ReadingOptions;
  /** One a page, in the order of the queue. */
  readonly #channels: Channel[];
  /** How many messages each of them has in hand. */
  readonly #held = new Map<Channel, number>();
  #largestBytes = 0;

  private constructor(depth: number, first: Channel, options: ReadingOptions) {
    this.depth = depth;
    this.#channels = [first];
    this.#options = options;
  }

  /** Begins to look. Rejects with `BrokerError`, or `DeadLetterError` (`NoQueue`). */
  static async open(options: ReadingOptions): Promise<DeadLetterReading> {
    const { connection, names } = options;
    const first = await connection.openChannel({ prefetch: PAGE.least }, options.connect());
    const depth = await first.ready(names.dead);
    if (depth !== undefined) return new DeadLetterReading(depth, first, options);
    await first.close();
    throw new DeadLetterError(
      'NoQueue',
      `there is no queue ${names.dead} on this broker: correct the agent, the virtual host, or --prefix`,
    );
  }

  /**
   * The first `limit` messages, fewer where somebody else holds some of them. What arrives meanwhile is behind them. The next page is asked for when the last message of this
   * one has been dealt with. To be called once. Rejects with `BrokerError`.
   */
  async *messages(limit: number): AsyncGenerator<Found, void, undefined> {
    const { names, connection, connect } = this.#options;
    let [channel] = this.#channels;
    let prefetch = PAGE.least;
    for (let seen = 0; seen < limit; ) {
      if (channel === undefined) {
        prefetch = Math.min(PAGE.most, Math.max(PAGE.least, Math.floor(PAGE.bytes / this.#largestBytes)));
        channel = await connection.openChannel({ prefetch }, connect());
        this.#channels.push(channel);
      }
      const page = await this.#page(channel, Math.min(prefetch, limit - seen));
      if (page.length === 0) return;
      this.#held.set(channel, page.length);
      for (const delivery of page.slice(0, limit - seen)) yield this.#found(channel, delivery, names);
      seen += page.length;
      channel = undefined;
    }
  }

  /** Gives back what was not acknowledged, the first page first, so that all of it lies as before. Never rejects, and may be repeated. */
  async close(): Promise<void> {
    for (const [index, channel] of this.#channels.entries()) {
      const next = this.#channels[index + 1];
      const held = this.#held.get(channel) ?? 0;
      const before = held === 0 ? undefined : await this.#ready(next);
      await channel.close();
      if (before !== undefined) await this.#until(next, before + held);
    }
  }

  /** Waits a little until so many are ready: the broker takes a page back some time after it has confirmed the end of its channel, on a busy one perhaps behind the next page. */
  async #until(channel: Channel | undefined, wanted: number): Promise<void> {
    const { clock } = this.#options;
    const giveUpAt = clock.now() + RETURN_MS;
    while (clock.now() < giveUpAt && ((await this.#ready(channel)) ?? wanted) < wanted) await sleep(clock, RETURN_LOOK_MS);
  }

  /** How many messages are ready, by a channel that lives. */
  async #ready(channel: Channel | undefined): Promise<number | undefined> {
    if (channel === undefined || channel.ended.aborted) return undefined;
    return channel.ready(this.#options.names.dead).catch((error: unknown) => {
      if (error instanceof BrokerError) return undefined;
      throw error;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #found(channel: Channel, delivery: Delivery, names: BrokerNames): Found {
    const acknowledge = () => {
      channel.ack(delivery);
      this.#held.set(channel, (this.#held.get(channel) ?? 0) - 1);
    };
    return { letter: deadLetterOf(delivery, names), delivery, acknowledge };
  }

  /** The end of a channel gives its page back, which would be seen again. */
  #lost(): BrokerError | undefined {
    const end = this.#channels.find(({ ended }) => ended.aborted)?.ended.reason as ChannelEnd | undefined;
    return end && new BrokerError('ChannelClosed', `the dead letters cannot be read on: ${end.message}`);
  }

  /** Consumes until so many messages have come, or nothing more is to come. A page is all that its channel ever gets, since its consumer ends with it. */
  async #page(channel: Channel, wanted: number): Promise<readonly Delivery[]> {
    const { clock, names } = this.#options;
    const lost = this.#lost();
    if (lost !== undefined) throw lost;
    const page: Delivery[] = [];
    const { promise: full, resolve, reject } = Promise.withResolvers<void>();
    const onEnd = () => reject(this.#lost());
    for (const { ended } of this.#channels) ended.addEventListener('abort', onEnd, { once: true });
    let quiet = clock.timer(QUIET_MS, resolve);
    try {
      const consuming = channel.consume(names.dead, (delivery) => {
        page.push(delivery);
        this.#largestBytes = Math.max(this.#largestBytes, delivery.body.length);
        if (page.length >= wanted) resolve();
        quiet.cancel();
        quiet = clock.timer(QUIET_MS, resolve);
      });
      await Promise.all([consuming, full]);
      await channel.cancel();
      return page;
    } finally {
      quiet.cancel();
      for (const { ended } of this.#channels) ended.removeEventListener('abort', onEnd);
    }
  }
}
