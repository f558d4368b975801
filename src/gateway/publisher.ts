import {
  type BrokerConnection,
  BrokerError,
  type Channel,
  type ChannelEnd,
  type Publication,
  type PublishOutcome,
} from '../broker/port.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { ByteBudget } from './body.ts';

/** What became of a publication, or why that is not known: `blocked`: not sent; `unavailable`: no channel, or it was lost; `late`: no confirm within the deadline. */
export type PublishResult = PublishOutcome | 'blocked' | 'unavailable' | 'late';

/** How long a publication waits for a channel that is being opened: a connection that was cut is usually back after a second. */
const CHANNEL_WAIT_MS = 3_000;

/** A publication whose channel was lost is sent once more: many senders never repeat, and consumers know an event that comes twice. */
const TRIES = 2;

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Publishes on a channel of its own, which it opens when first needed and again whenever it was lost.
 * Any number of publications may be under way at a time; all of them share the fate of the channel, and of nobody else's.
 */
export class Publisher {
  readonly #connection: BrokerConnection;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #deadlineMs: number;
  readonly #budget: ByteBudget;
  readonly #closing = new AbortController();
  /** Publications that wait for the channel. */
  readonly #waiting = new Set<(channel: Channel | undefined) => void>();
  #channel: Channel | undefined;
  #opening: Promise<void> | undefined;
  /** Channels that were lost, or not opened, since the last confirm. */
  #failures = 0;

  constructor(options: {
    readonly connection: BrokerConnection;
    readonly clock: Clock;
    readonly log: Log;
    readonly deadlineMs: number;
    readonly budget: ByteBudget;
  }) {
    this.#connection = options.connection;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#deadlineMs = options.deadlineMs;
    this.#budget = options.budget;
  }

  /** Publishes, and answers within the deadline. After `unavailable` and `late` the event may be stored nevertheless. Never rejects for a broker's failure. */
  async publish(publication: Publication): Promise<PublishResult> {
    const deadline = this.#clock.now() + this.#deadlineMs;
    let result: PublishResult = 'unavailable';
    for (let tries = 0; tries < TRIES && result === 'unavailable'; tries += 1) {
      if (this.#connection.state().blocked) return 'blocked';
      const channel = this.#channel ?? (await this.#nextChannel(deadline));
      if (channel === undefined) return 'unavailable';
      result = await this.#publishOn(channel, publication, deadline);
    }
    return result;
  }

  /** Ends the channel. Publications that still wait for one are `unavailable`. May be repeated. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#hand(undefined);
    await this.#channel?.close();
  }

  #publishOn(channel: Channel, publication: Publication, deadline: number): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = this.#clock.timer(Math.max(0, deadline - this.#clock.now()), () => {
        late = true;
        // Its caller is answered and lets go of the body; the connection still holds it.
        this.#budget.hold(publication.body.length);
        resolve('late');
      });
      const settle = () => {
        timer.cancel();
        if (late) this.#budget.give(publication.body.length);
      };
      channel.publish(publication).then(
        (outcome) => {
          settle();
          this.#failures = 0;
          resolve(outcome);
        },
        (error: unknown) => {
          settle();
          if (!(error instanceof BrokerError)) {
            reject(error);
          } else if (error.code === 'Blocked') {
            resolve('blocked');
          } else {
            this.#lose(channel);
            resolve('unavailable');
          }
        },
      );
    });
  }

  /** The channel as soon as there is one; `undefined` after the wait, or when the publisher is closed. */
  #nextChannel(deadline: number): Promise<Channel | undefined> {
    if (this.#closing.signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiter = (channel: Channel | undefined) => {
        timer.cancel();
        this.#waiting.delete(waiter);
        resolve(channel);
      };
      const timer = this.#clock.timer(Math.min(CHANNEL_WAIT_MS, Math.max(0, deadline - this.#clock.now())), () => waiter(undefined));
      this.#waiting.add(waiter);
      this.#opening ??= this.#open();
    });
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#channel === undefined && !signal.aborted) {
      try {
        if (this.#failures > 0)
          await sleep(this.#clock, Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#failures - 1)), signal);
        this.#adopt(await this.#connection.openChannel({ prefetch: 1 }, signal));
      } catch (error) {
        if (signal.aborted) break;
        this.#failures += 1;
        this.#log.warn('no channel to the broker', { error: messageOf(error) });
      }
    }
    this.#opening = undefined;
  }

  #adopt(channel: Channel): void {
    if (this.#closing.signal.aborted) {
      void channel.close();
      return;
    }
    this.#channel = channel;
    if (channel.ended.aborted) {
      this.#lose(channel);
      return;
    }
    channel.ended.addEventListener('abort', () => this.#lose(channel), { once: true });
    this.#hand(channel);
  }

  /** Called when a channel ends and when it refuses a publication for being closed, whichever is seen first. */
  #lose(channel: Channel): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    if (this.#closing.signal.aborted) return;
    this.#failures += 1;
    const end = channel.ended.reason as ChannelEnd | undefined;
    this.#log.warn('channel to the broker lost', { end: end?.code, reason: end?.message });
    this.#opening ??= this.#open();
  }

  #hand(channel: Channel | undefined): void {
    for (const waiter of [...this.#waiting]) waiter(channel);
  }
}
