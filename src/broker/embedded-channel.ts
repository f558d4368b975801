import type { Clock } from '../lib/clock.ts';
import { assertPublishable } from './amqp-values.ts';
import { Lane, type Parcel } from './embedded-lane.ts';
import { storedMessage } from './embedded-message.ts';
import type { Profile, Return } from './embedded-profile.ts';
import { Session } from './embedded-session.ts';
import type { EmbeddedVhost } from './embedded-vhost.ts';
import { BrokerError, type Channel, type ChannelEnd, type Delivery, type Publication, type PublishOutcome } from './port.ts';

/** What a channel has to know of its connection. */
export interface ChannelSurroundings {
  readonly clock: Clock;
  readonly vhost: EmbeddedVhost;
  readonly profile: Profile;
  readonly prefetch: number;
  /** Whether the client has been told that the broker takes nothing for now. */
  isBlocked(): boolean;
  /** Whether the broker reads what the connection sends. */
  admits(parcel: Parcel): boolean;
  /** Called when both sides of the channel have ended. */
  onGone(): void;
}

/** A broker that does not answer within this time to the wish to close a channel is not waited for. */
const CLOSE_DEADLINE_MS = 5_000;

/** A channel of the embedded broker, as its client sees it. Between it and its session on the broker's side everything takes a turn each way. */
export class EmbeddedChannel implements Channel {
  readonly #around: ChannelSurroundings;
  readonly #up: Lane;
  readonly #down: Lane;
  readonly #session: Session;
  readonly #ended = new AbortController();
  readonly #asked = new Set<(error: BrokerError) => void>();
  readonly #unsettled = new WeakSet<Delivery>();
  readonly #gone = Promise.withResolvers<void>();
  #end: ChannelEnd | undefined;
  #consumes = false;
  #closing: Promise<void> | undefined;

  constructor(around: ChannelSurroundings) {
    this.#around = around;
    const { clock, vhost, profile, prefetch } = around;
    this.#up = new Lane(clock, (parcel) => around.admits(parcel));
    this.#down = new Lane(clock, () => true);
    const onEnd = (end: ChannelEnd) => this.#down.send(() => this.#finish(end));
    this.#session = new Session({ vhost, profile, prefetch, onEnd });
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  async publish(publication: Publication): Promise<PublishOutcome> {
    assertPublishable(publication);
    const message = storedMessage(publication, this.#around.profile);
    this.#assertOpen();
    if (this.#around.isBlocked()) throw new BrokerError('Blocked', 'the broker has asked senders to stop (memory or disk alarm)');
    return await this.#ask((answer) => this.#session.publish(message, answer), true);
  }

  async consume(queue: string, onDelivery: (delivery: Delivery) => void): Promise<void> {
    this.#assertOpen();
    if (this.#consumes) throw new Error('a channel has at most one consumer');
    this.#consumes = true;
    const hand = (delivery: Delivery) => {
      if (this.#end === undefined) onDelivery(this.#mine(delivery));
    };
    await this.#ask<void>((answer) => this.#session.consume(queue, (delivery) => this.#down.send(() => hand(delivery)), answer));
  }

  async cancel(): Promise<void> {
    if (!this.#consumes || this.#end !== undefined) return;
    this.#consumes = false;
    await this.#ask<void>((answer) => this.#session.cancel(answer)).catch(() => {
      // A channel that has ended delivers nothing either.
    });
  }

  async get(queue: string): Promise<Delivery | undefined> {
    this.#assertOpen();
    const delivery = await this.#ask<Delivery | undefined>((answer) => this.#session.get(queue, answer));
    return delivery && this.#mine(delivery);
  }

  async ready(queue: string): Promise<number | undefined> {
    this.#assertOpen();
    return await this.#ask<number | undefined>((answer) => this.#session.ready(queue, answer));
  }

  ack(delivery: Delivery): void {
    this.#settle(delivery, 'ack', false);
  }

  nack(delivery: Delivery, options: { readonly requeue: boolean }): void {
    this.#settle(delivery, 'nack', options.requeue);
  }

  reject(delivery: Delivery, options: { readonly requeue: boolean }): void {
    this.#settle(delivery, 'reject', options.requeue);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Nothing passes any more, in either direction. For the connection. */
  cut(): void {
    this.#up.cut();
    this.#down.cut();
  }

  /** The broker goes on reading. For the connection. */
  resume(): void {
    this.#up.resume();
  }

  /** The broker has noticed that the connection is gone. For the connection. */
  endSession(): void {
    this.#session.end();
    this.#retire();
  }

  /** The client has noticed that the connection is gone. For the connection. */
  lose(message: string): void {
    this.#finish({ code: 'ConnectionLost', message });
    this.#gone.resolve();
  }

  async #close(): Promise<void> {
    this.#finish({ code: 'Closed', message: 'the channel was closed' });
    this.#up.send(() => {
      this.endSession();
      this.#down.send(() => this.#gone.resolve());
    });
    const deadline = this.#around.clock.timer(CLOSE_DEADLINE_MS, () => this.#gone.resolve());
    await this.#gone.promise;
    deadline.cancel();
  }

  /** Sends a request and waits for its answer, each in its turn; the channel's end is a `ChannelClosed`. */
  #ask<Answer>(request: (answer: (value: Answer) => void) => void, publishes = false): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#asked.add(reject);
    const answer = (value: Answer) =>
      this.#down.send(() => {
        this.#asked.delete(reject);
        resolve(value);
      });
    this.#up.send(() => request(answer), publishes);
    return promise;
  }

  #mine(delivery: Delivery): Delivery {
    this.#unsettled.add(delivery);
    return delivery;
  }

  #settle(delivery: Delivery, how: 'ack' | Exclude<Return, 'down'>, requeue: boolean): void {
    this.#assertOpen();
    if (!this.#unsettled.delete(delivery))
      throw new BrokerError('NotMine', `delivery ${delivery.tag} came by another channel, or is settled already`);
    this.#up.send(() => this.#session.settle(delivery.tag, how, requeue));
  }

  #assertOpen(): void {
    if (this.#end !== undefined) throw new BrokerError('ChannelClosed', `the channel is gone: ${this.#end.message}`);
  }

  #finish(end: ChannelEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    // On the broker's side a cancelled consumer's channel is still open.
    if (end.code === 'ConsumerCancelled') this.#up.send(() => this.endSession());
    const error = new BrokerError('ChannelClosed', `the channel ended with this under way, its result is unknown: ${end.message}`);
    for (const reject of this.#asked) reject(error);
    this.#asked.clear();
    this.#ended.abort(end);
    this.#retire();
  }

  #retire(): void {
    if (this.#end !== undefined && this.#session.ended) this.#around.onGone();
  }
}
