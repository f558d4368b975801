import type { AsyncMessage, Channel as RawChannel, ReturnedMessage, SyncMessage } from 'rabbitmq-client';
import type { Clock, Timer } from '../lib/clock.ts';
import { basicReject, brokerWords } from './amqp-library.ts';
import { assertPublishable, headersFrom } from './amqp-values.ts';
import { BrokerError, type Channel, type ChannelEnd, type Delivery, type Publication, type PublishOutcome } from './port.ts';

/** What a channel has to know of its connection. */
export interface ChannelSurroundings {
  readonly clock: Clock;
  /** Whether the broker has asked senders to stop. */
  isBlocked(): boolean;
  /** Why the connection that the channel was opened on is gone; `undefined` while it is up. */
  lossOfConnection(): string | undefined;
}

/** A broker that does not answer within this time to the wish to close a channel is not waited for. */
const CLOSE_DEADLINE_MS = 5_000;

interface UnderWay {
  returned: boolean;
  readonly outcome: Promise<PublishOutcome>;
  readonly resolve: (outcome: PublishOutcome) => void;
  readonly reject: (error: BrokerError) => void;
}

/** A channel in confirm mode on RabbitMQ. Owns the library's channel. */
export class AmqpChannel implements Channel {
  readonly #raw: RawChannel;
  readonly #around: ChannelSurroundings;
  readonly #ended = new AbortController();
  readonly #underWay = new Map<string, UnderWay>();
  readonly #unsettled = new WeakSet<Delivery>();
  #end: ChannelEnd | undefined;
  #cause: ChannelEnd | undefined;
  #consumerTag: string | undefined;
  #closing: Promise<void> | undefined;

  /** Takes over a channel of the library's that is prepared: raw bodies, confirm mode, prefetch. */
  constructor(raw: RawChannel, around: ChannelSurroundings) {
    this.#raw = raw;
    this.#around = around;
    raw.on('error', (error) => this.#note(error));
    raw.on('basic.return', (message) => this.#onReturn(message));
    raw.on('basic.cancel', (tag) => {
      if (tag === this.#consumerTag) this.#fail({ code: 'ConsumerCancelled', message: 'the broker has cancelled the consumer' });
    });
    // The reason reaches us by a rejected call or an event of the connection, both a moment after this event.
    raw.on('close', () => setImmediate(() => this.#finish(this.#endByOthers())));
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  async publish(publication: Publication): Promise<PublishOutcome> {
    assertPublishable(publication);
    // The broker hands an unroutable message back without saying which publication it was. Routing depends on nothing but what is in this key
    // (and on headers), so the key tells, as long as no two publications with the same one are under way at a time: those go one by one.
    const key = keyOf(publication);
    this.#assertSending();
    for (let same = this.#underWay.get(key); same !== undefined; same = this.#underWay.get(key)) await same.outcome.catch(() => {});
    this.#assertSending();
    return await this.#send(publication, key);
  }

  #send(publication: Publication, key: string): Promise<PublishOutcome> {
    const { promise: outcome, resolve, reject } = Promise.withResolvers<PublishOutcome>();
    const entry: UnderWay = { returned: false, outcome, resolve, reject };
    this.#underWay.set(key, entry);
    const settle = (result: PublishOutcome) => {
      if (this.#end !== undefined) return;
      this.#underWay.delete(key);
      resolve(result);
    };
    const envelope = {
      exchange: publication.exchange,
      routingKey: publication.routingKey,
      mandatory: true,
      durable: true,
      headers: publication.headers,
      // Left undefined, the library would set the present time.
      timestamp: publication.timestamp,
      contentType: publication.contentType,
      messageId: publication.messageId,
    };
    this.#raw.basicPublish(envelope as Parameters<RawChannel['basicPublish']>[0] & object, publication.body).then(
      // The broker sends basic.return before the confirm, and the library hands it out by a setImmediate: ours comes after it.
      () => setImmediate(() => settle(entry.returned ? 'unroutable' : 'confirmed')),
      (error: unknown) => {
        if (codeOf(error) === 'NACK') settle('refused');
        else this.#onFailure(error);
      },
    );
    return outcome;
  }

  async consume(queue: string, onDelivery: (delivery: Delivery) => void): Promise<void> {
    if (this.#consumerTag !== undefined) throw new Error('a channel has at most one consumer');
    const { consumerTag } = await this.#ask(() =>
      this.#raw.basicConsume({ queue, noAck: false }, (message) => {
        if (this.#end === undefined) onDelivery(this.#deliveryOf(message));
      }),
    );
    this.#consumerTag = consumerTag;
  }

  async cancel(): Promise<void> {
    const tag = this.#consumerTag;
    if (tag === undefined || this.#end !== undefined) return;
    this.#consumerTag = undefined;
    try {
      await this.#ask(() => this.#raw.basicCancel(tag));
    } catch (error) {
      // A channel that has ended delivers nothing either.
      if (!(error instanceof BrokerError)) throw error;
    }
    // Deliveries that came before the answer are handed out by a setImmediate each.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const message = await this.#ask(() => this.#raw.basicGet({ queue, noAck: false }));
    return message === undefined ? undefined : this.#deliveryOf(message);
  }

  async ready(queue: string): Promise<number | undefined> {
    try {
      return (await this.#ask(() => this.#raw.queueDeclare({ queue, passive: true }))).messageCount;
    } catch (error) {
      if (error instanceof BrokerError && codeOf(error.cause) === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  ack(delivery: Delivery): void {
    this.#take(delivery);
    this.#raw.basicAck({ deliveryTag: delivery.tag, multiple: false });
  }

  nack(delivery: Delivery, options: { readonly requeue: boolean }): void {
    this.#take(delivery);
    this.#raw.basicNack({ deliveryTag: delivery.tag, multiple: false, requeue: options.requeue });
  }

  reject(delivery: Delivery, options: { readonly requeue: boolean }): void {
    this.#take(delivery);
    basicReject(this.#raw, delivery.tag, options.requeue);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#finish({ code: 'Closed', message: 'the channel was closed' });
    let timer: Timer | undefined;
    const tooLate = new Promise<void>((resolve) => {
      timer = this.#around.clock.timer(CLOSE_DEADLINE_MS, resolve);
    });
    await Promise.race([this.#raw.close(), tooLate]);
    timer?.cancel();
  }

  /** Calls the broker and waits for its answer; the channel's end is a `ChannelClosed`. */
  async #ask<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    this.#assertOpen();
    try {
      return await call();
    } catch (error) {
      this.#onFailure(error);
      throw new BrokerError('ChannelClosed', `the channel is gone: ${brokerWords(error)}`, { cause: error });
    }
  }

  #deliveryOf(message: AsyncMessage | SyncMessage): Delivery {
    const delivery: Delivery = {
      exchange: message.exchange,
      routingKey: message.routingKey,
      redelivered: message.redelivered ?? false,
      tag: message.deliveryTag,
      body: message.body as Buffer,
      headers: headersFrom(message.headers),
      ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
      ...(message.messageId === undefined ? {} : { messageId: message.messageId }),
      ...(message.timestamp === undefined ? {} : { timestamp: message.timestamp }),
    };
    this.#unsettled.add(delivery);
    return delivery;
  }

  /** A delivery is settled once, and here: a tag that is settled twice or elsewhere closes the channel with all its other deliveries. */
  #take(delivery: Delivery): void {
    this.#assertOpen();
    if (!this.#unsettled.delete(delivery))
      throw new BrokerError('NotMine', `delivery ${delivery.tag} came by another channel, or is settled already`);
  }

  #assertOpen(): void {
    if (this.#end === undefined && this.#raw.active) return;
    throw new BrokerError('ChannelClosed', `the channel is gone: ${(this.#end ?? this.#endByOthers()).message}`);
  }

  #assertSending(): void {
    this.#assertOpen();
    if (this.#around.isBlocked()) throw new BrokerError('Blocked', 'the broker has asked senders to stop (memory or disk alarm)');
  }

  #onReturn(message: ReturnedMessage): void {
    const entry = this.#underWay.get(keyOf(message));
    if (entry !== undefined) entry.returned = true;
    // Whose it was we cannot tell, so nothing on this channel may count as stored.
    else if (this.#end === undefined) this.#fail({ code: 'ChannelError', message: 'the broker returned a message that is not under way' });
  }

  /** A call has failed, which it does only with its channel. */
  #onFailure(error: unknown): void {
    this.#note(error);
    setImmediate(() => this.#fail(this.#endByOthers()));
  }

  /** Keeps why the channel ends; that it is closed is only what follows from it. */
  #note(error: unknown): void {
    if (codeOf(error) !== 'CH_CLOSE') this.#cause ??= { code: 'ChannelError', message: brokerWords(error) };
  }

  #endByOthers(): ChannelEnd {
    const loss = this.#around.lossOfConnection();
    if (loss !== undefined) return { code: 'ConnectionLost', message: loss };
    return this.#cause ?? { code: 'ChannelError', message: 'the broker has closed the channel' };
  }

  #fail(end: ChannelEnd): void {
    this.#finish(end);
    this.#raw.close().catch(() => {
      // Never happens: the library's close() settles whatever becomes of the channel.
    });
  }

  #finish(end: ChannelEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const error = new BrokerError(
      'ChannelClosed',
      `the channel ended with the publication under way, its result is unknown: ${end.message}`,
    );
    for (const entry of this.#underWay.values()) entry.reject(error);
    this.#underWay.clear();
    this.#ended.abort(end);
  }
}

function keyOf(message: { readonly exchange?: string; readonly routingKey?: string; readonly messageId?: string }): string {
  return `${message.exchange ?? ''}\n${message.routingKey ?? ''}\n${message.messageId ?? ''}`.toWellFormed();
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
