import type { Clock, Timer } from '../lib/clock.ts';
import { Fifo } from './embedded-fifo.ts';
import type { StoredMessage } from './embedded-message.ts';

/** What became of one attempt to move a dead letter: the queues that it was routed to. */
export interface Move {
  readonly stored: readonly string[];
  readonly refused: readonly string[];
}

/** How a queue's dead letters are moved on. */
export interface DeadLetterOptions {
  readonly clock: Clock;
  readonly strategy: 'at-most-once' | 'at-least-once';
  /** A move that was refused is tried again after this time. */
  readonly retryMs: number;
  /** Publishes to the dead-letter exchange, except to queues that have it already. `mover` stands for a sender that stays the same. */
  readonly publish: (message: StoredMessage, except: ReadonlySet<string>, mover: object | undefined) => Move;
  /** Called when fewer messages are held than before. */
  readonly onMoved: () => void;
}

interface Pending {
  readonly message: StoredMessage;
  readonly stored: Set<string>;
  moved: boolean;
  triedAtMs: number | undefined;
}

/** So many messages are under way at a time: `dead_letter_worker_consumer_prefetch` of RabbitMQ. */
const UNDER_WAY = 32;

/**
 * Moves a queue's dead letters. At most once: published and forgotten; what cannot be routed or meets a full queue is gone (RabbitMQ lets it into a full queue; nothing
 * may count on that). At least once: held, and counted by its queue, until every target has stored it, for as long as it takes.
 */
export class DeadLetters {
  readonly #options: DeadLetterOptions;
  readonly #waiting = new Fifo<StoredMessage>();
  readonly #pending = new Set<Pending>();
  #retry: Timer | undefined;
  /** Grows with each restart: what was under way before does not come to its end. */
  #life = 0;

  constructor(options: DeadLetterOptions) {
    this.#options = options;
  }

  /** How many messages are held. */
  get held(): number {
    return this.#waiting.length + this.#pending.size;
  }

  /** The messages that are held, the oldest first. */
  messages(): readonly StoredMessage[] {
    return [...[...this.#pending].map((pending) => pending.message), ...this.#waiting];
  }

  /** Takes over a dead letter. */
  add(message: StoredMessage): void {
    if (this.#options.strategy === 'at-least-once') this.#waiting.push(message);
    this.#later(() => {
      if (this.#options.strategy === 'at-least-once') this.#begin();
      else this.#options.publish(message, new Set(), undefined);
    });
  }

  /** The broker went down and came back: what was held is tried anew, even what had been stored without our having heard of it. */
  restart(): void {
    const held = this.messages();
    this.close();
    for (const message of held) this.add(message);
  }

  /** Gives everything up. */
  close(): void {
    this.#life++;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#pending.clear();
    this.#waiting.clear();
  }

  #begin(): void {
    while (this.#pending.size < UNDER_WAY) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      const pending: Pending = { message, stored: new Set(), moved: false, triedAtMs: undefined };
      this.#pending.add(pending);
      this.#try(pending);
    }
  }

  #try(pending: Pending): void {
    const { stored, refused } = this.#options.publish(pending.message, pending.stored, this);
    for (const queue of stored) pending.stored.add(queue);
    pending.triedAtMs = stored.length + refused.length === 0 ? undefined : this.#options.clock.now();
    if (refused.length === 0 && pending.stored.size > 0) {
      pending.moved = true;
      this.#later(() => this.#finish(pending));
    }
    this.#retry ??= this.#options.clock.timer(this.#options.retryMs, () => this.#tryAgain());
  }

  #finish(pending: Pending): void {
    this.#pending.delete(pending);
    if (this.#pending.size === 0) {
      this.#retry?.cancel();
      this.#retry = undefined;
    }
    this.#begin();
    this.#options.onMoved();
  }

  /** As RabbitMQ does it: one timer for all, so that a move tried just after it was set waits for its next round. */
  #tryAgain(): void {
    this.#retry = undefined;
    const latest = this.#options.clock.now() - this.#options.retryMs;
    for (const pending of this.#pending) {
      if (!pending.moved && (pending.triedAtMs === undefined || pending.triedAtMs <= latest)) this.#try(pending);
    }
    if (this.#pending.size > 0) this.#retry ??= this.#options.clock.timer(this.#options.retryMs, () => this.#tryAgain());
  }

  #later(act: () => void): void {
    const life = this.#life;
    this.#options.clock.timer(0, () => {
      if (life === this.#life) act();
    });
  }
}
