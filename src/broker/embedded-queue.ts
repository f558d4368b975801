import type { Clock, Timer } from '../lib/clock.ts';
import { type QueueSettings, queueSettings } from './embedded-arguments.ts';
import { DeadLetters, type Move } from './embedded-dead-letters.ts';
import { Enqueuers } from './embedded-enqueuers.ts';
import { Fifo } from './embedded-fifo.ts';
import { type DeathReason, deadLetterOf, type StoredMessage } from './embedded-message.ts';
import type { Counts, Profile, Return } from './embedded-profile.ts';
import type { QueueArguments } from './topology.ts';

/** A message in its queue. */
export interface Entry extends Counts {
  readonly message: StoredMessage;
  readonly expiresAtMs: number | undefined;
}

/** Whoever holds unsettled deliveries of a queue: a consumer, or one `basic.get`. */
export interface Holder {
  readonly consumes: boolean;
  /** How many deliveries it may hold at a time. */
  readonly prefetch: number;
  readonly held: Map<number, Entry>;
  readonly onDelivery: (taken: Taken) => void;
  /** The queue was deleted. */
  readonly onCancelled: () => void;
  cancelled: boolean;
}

/** A delivery on the broker's side. */
export interface Taken {
  readonly queue: EmbeddedQueue;
  readonly holder: Holder;
  readonly id: number;
  readonly entry: Entry;
}

/** What a queue needs around it. */
export interface QueueSurroundings {
  readonly clock: Clock;
  readonly profile: Profile;
  readonly deadLetterRetryMs: number;
  /** Routes a dead letter. */
  readonly publishDeadLetter: (message: StoredMessage, except: ReadonlySet<string>, mover: object | undefined) => Move;
}

/** How many messages a queue has. */
export interface QueueCounts {
  readonly ready: number;
  readonly unacked: number;
  /** Dead letters that could not be moved on yet. */
  readonly held: number;
  readonly total: number;
}

/** A quorum queue in memory, after RabbitMQ's `rabbit_fifo`. What comes back is delivered before what is new; consumers are served in turn. */
export class EmbeddedQueue {
  readonly name: string;
  /** As declared. */
  readonly arguments: QueueArguments;
  readonly #around: QueueSurroundings;
  readonly #settings: QueueSettings;
  readonly #ready = new Fifo<Entry>();
  readonly #returned = new Fifo<Entry>();
  readonly #holders = new Set<Holder>();
  /** Consumers with room for a delivery; the first is next. */
  #inTurn: Holder[] = [];
  #lastId = 0;
  #expiry: Timer | undefined;
  readonly #enqueuers: Enqueuers;
  readonly #deadLetters: DeadLetters | undefined;

  /** Throws `BrokerError` as `queueSettings`. */
  constructor(name: string, args: QueueArguments, around: QueueSurroundings) {
    this.name = name;
    this.arguments = { ...args };
    this.#around = around;
    this.#settings = queueSettings(name, args, around.profile);
    this.#enqueuers = new Enqueuers(this.#settings.overflow === 'reject-publish' ? this.#settings.maxLength : undefined);
    const { clock, deadLetterRetryMs: retryMs, publishDeadLetter: publish } = around;
    const strategy = this.#settings.deadLetter?.strategy;
    this.#deadLetters = strategy && new DeadLetters({ clock, strategy, retryMs, publish, onMoved: () => this.#serve() });
  }

  /** Stores a message. False where the queue is full and refuses. `enqueuer` is whoever publishes; it is remembered where it is given. */
  enqueue(message: StoredMessage, enqueuer: object | undefined): boolean {
    if (!this.#enqueuers.admits(enqueuer, this.#length)) return false;
    const ttlMs = this.#settings.messageTtlMs;
    // A message with a TTL of 0 lives for the millisecond that it came in.
    const expiresAtMs = ttlMs === undefined ? undefined : this.#around.clock.now() + Math.max(ttlMs, 1);
    this.#ready.push({ message, expiresAtMs, acquired: 0, failed: message.failures });
    this.#serve();
    return true;
  }

  /** A channel that published here is gone. */
  forget(enqueuer: object): void {
    this.#enqueuers.forget(enqueuer);
  }

  /** Adds a consumer. */
  consume(holder: Holder): void {
    this.#holders.add(holder);
    this.#inTurn.push(holder);
    this.#serve();
  }

  /** Takes one message; the holder must be new. */
  get(holder: Holder): Taken | undefined {
    this.#expire();
    const entry = this.#take();
    if (entry === undefined) return undefined;
    this.#holders.add(holder);
    const taken = this.#handOut(holder, entry);
    this.#serve();
    return taken;
  }

  /** The consumer gets nothing more and keeps what it holds. */
  cancel(holder: Holder): void {
    holder.cancelled = true;
    this.#inTurn = this.#inTurn.filter((other) => other !== holder);
    if (holder.held.size === 0) this.#holders.delete(holder);
  }

  /** Settles a delivery as done. */
  ack(taken: Taken): void {
    if (this.#release(taken) !== undefined) this.#serve();
  }

  /** Settles a delivery as not done: back into the queue, or to the dead-letter exchange. */
  giveBack(taken: Taken, how: Return, requeue: boolean): void {
    const entry = this.#release(taken);
    if (entry === undefined) return;
    if (requeue) this.#return(entry, how);
    else this.#bury({ ...entry, failed: entry.failed + Number(this.#around.profile.failsByDiscard.includes(how)) }, 'rejected');
    this.#serve();
  }

  /** A channel is gone with these holders: what they hold comes back. */
  down(holders: readonly Holder[]): void {
    const { getsFirst } = this.#around.profile;
    const ordered = holders.toSorted((left, right) => Number(left.consumes === getsFirst) - Number(right.consumes === getsFirst));
    for (const holder of ordered) {
      this.cancel(holder);
      this.#holders.delete(holder);
      for (const entry of holder.held.values()) this.#return(entry, 'down');
      holder.held.clear();
    }
    this.#serve();
  }

  /** The broker went down and came back: everybody who held something or published is gone. */
  restart(): void {
    this.#enqueuers.clear();
    this.#deadLetters?.restart();
    this.down([...this.#holders]);
  }

  /** The queue is deleted with all that is in it. */
  close(): void {
    this.#expiry?.cancel();
    this.#deadLetters?.close();
    this.#ready.clear();
    this.#returned.clear();
    const holders = [...this.#holders];
    this.#holders.clear();
    this.#inTurn = [];
    for (const holder of holders) {
      holder.held.clear();
      if (!holder.cancelled) holder.onCancelled();
    }
  }

  counts(): QueueCounts {
    const ready = this.#ready.length + this.#returned.length;
    const unacked = [...this.#holders].reduce((sum, holder) => sum + holder.held.size, 0);
    const held = this.#deadLetters?.held ?? 0;
    return { ready, unacked, held, total: ready + unacked + held };
  }

  /** All messages: those that are ready in the order of delivery, then those that are delivered, then those that are held. */
  messages(): readonly { readonly state: 'ready' | 'unacked' | 'held'; readonly message: StoredMessage }[] {
    const unacked = [...this.#holders].flatMap((holder) => [...holder.held.values()]);
    return [
      ...[...this.#returned, ...this.#ready].map(({ message }) => ({ state: 'ready' as const, message })),
      ...unacked.map(({ message }) => ({ state: 'unacked' as const, message })),
      ...(this.#deadLetters?.messages() ?? []).map((message) => ({ state: 'held' as const, message })),
    ];
  }

  /** What a length limit counts: messages that are ready, and dead letters that are held. */
  get #length(): number {
    return this.#ready.length + this.#returned.length + (this.#deadLetters?.held ?? 0);
  }

  /** Brings the queue into order after any change. */
  #serve(): void {
    this.#expire();
    while (this.#inTurn.length > 0 && this.#returned.length + this.#ready.length > 0) {
      const holder = this.#inTurn.shift();
      const entry = holder && this.#take();
      if (holder === undefined || entry === undefined) break;
      const taken = this.#handOut(holder, entry);
      if (holder.held.size < holder.prefetch) this.#inTurn.push(holder);
      holder.onDelivery(taken);
      this.#expire();
    }
    if (this.#settings.overflow === 'drop-head' && this.#settings.maxLength !== undefined) this.#dropHead(this.#settings.maxLength);
    this.#enqueuers.update(this.#length);
    this.#watchHead();
  }

  #dropHead(maxLength: number): void {
    while (this.#length > maxLength) {
      const entry = this.#take();
      if (entry === undefined) return;
      this.#bury(entry, 'maxlen');
    }
  }

  /** A message's time to live acts at the head alone: one behind it may be long past its own. */
  #expire(): void {
    for (let head = this.#head(); head?.expiresAtMs !== undefined && head.expiresAtMs <= this.#around.clock.now(); head = this.#head()) {
      this.#take();
      this.#bury(head, 'expired');
    }
  }

  #watchHead(): void {
    this.#expiry?.cancel();
    const expiresAtMs = this.#head()?.expiresAtMs;
    const { clock } = this.#around;
    this.#expiry = expiresAtMs === undefined ? undefined : clock.timer(Math.max(expiresAtMs - clock.now(), 0), () => this.#serve());
  }

  #head(): Entry | undefined {
    return this.#returned.peek() ?? this.#ready.peek();
  }

  #take(): Entry | undefined {
    return this.#returned.shift() ?? this.#ready.shift();
  }

  #handOut(holder: Holder, entry: Entry): Taken {
    const id = ++this.#lastId;
    holder.held.set(id, entry);
    return { queue: this, holder, id, entry };
  }

  #release({ holder, id }: Taken): Entry | undefined {
    const entry = holder.held.get(id);
    if (entry === undefined) return undefined;
    holder.held.delete(id);
    if (!holder.consumes || holder.cancelled) {
      if (holder.held.size === 0) this.#holders.delete(holder);
    } else if (!this.#inTurn.includes(holder)) this.#inTurn.push(holder);
    return entry;
  }

  #return(entry: Entry, how: Return): void {
    const { profile } = this.#around;
    const { deliveryLimit } = this.#settings;
    const counted = { ...entry, acquired: entry.acquired + 1, failed: entry.failed + Number(profile.failsByReturn.includes(how)) };
    if (deliveryLimit !== undefined && counted[profile.limits] > deliveryLimit) this.#bury(counted, 'delivery_limit');
    else if (deliveryLimit === undefined && how !== 'down' && profile.requeuesAtEnd) this.#ready.push(counted);
    else this.#returned.push(counted);
  }

  #bury(entry: Entry, reason: DeathReason): void {
    const target = this.#settings.deadLetter;
    if (target === undefined) return;
    const place = { queue: this.name, reason, now: this.#around.clock.now(), failures: entry.failed, ...target };
    this.#deadLetters?.add(deadLetterOf(entry.message, place, this.#around.profile));
  }
}
