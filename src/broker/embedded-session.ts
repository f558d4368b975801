import type { StoredMessage } from './embedded-message.ts';
import { type Profile, type Return, told } from './embedded-profile.ts';
import type { EmbeddedQueue, Holder, Taken } from './embedded-queue.ts';
import type { EmbeddedVhost } from './embedded-vhost.ts';
import type { ChannelEnd, Delivery, PublishOutcome } from './port.ts';

/** What the broker's side of a channel needs around it. */
export interface SessionSurroundings {
  readonly vhost: EmbeddedVhost;
  readonly profile: Profile;
  /** How many deliveries a consumer may hold. */
  readonly prefetch: number;
  /** Tells the client that the broker has ended the channel. */
  readonly onEnd: (end: ChannelEnd) => void;
}

/** The broker's side of a channel: what the client asked for is done here, at once, when it has arrived. After the end everything is ignored, as on a socket. */
export class Session {
  readonly #around: SessionSurroundings;
  readonly #unsettled = new Map<number, Taken>();
  readonly #holders = new Map<Holder, string>();
  #consumer: Holder | undefined;
  #lastTag = 0;
  #ended = false;

  constructor(around: SessionSurroundings) {
    this.#around = around;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Publishes; `answer` is called at once unless the channel ends. */
  publish(message: StoredMessage, answer: (outcome: PublishOutcome) => void): void {
    if (this.#ended) return;
    const { vhost, profile } = this.#around;
    if (message.body.length > profile.maxMessageBytes) {
      this.#fail(`message size ${message.body.length} is larger than the maximum of ${profile.maxMessageBytes}`);
      return;
    }
    const outcome = vhost.publish(message, this);
    if (outcome === undefined) this.#fail(`no exchange ${message.exchange}`);
    else answer(outcome);
  }

  /** Starts the consumer; `started` is called at once unless the channel ends. */
  consume(queueName: string, onDelivery: (delivery: Delivery) => void, started: () => void): void {
    const queue = this.#queue(queueName);
    if (queue === undefined) return;
    const holder = this.#holder(true, (taken) => onDelivery(this.#deliver(taken)));
    this.#holders.set(holder, queueName);
    this.#consumer = holder;
    started();
    queue.consume(holder);
  }

  /** Ends the consumer and keeps its deliveries. */
  cancel(cancelled: () => void): void {
    if (this.#ended) return;
    const queueName = this.#consumer && this.#holders.get(this.#consumer);
    if (this.#consumer !== undefined && queueName !== undefined) this.#around.vhost.queue(queueName)?.cancel(this.#consumer);
    this.#consumer = undefined;
    cancelled();
  }

  /** Takes one message; `answer` is called at once unless the channel ends. */
  get(queueName: string, answer: (delivery: Delivery | undefined) => void): void {
    const queue = this.#queue(queueName);
    if (queue === undefined) return;
    const holder = this.#holder(false, () => {});
    const taken = queue.get(holder);
    if (taken !== undefined) this.#holders.set(holder, queueName);
    answer(taken && this.#deliver(taken));
  }

  /** Counts what is ready; `answer` is called at once. Without the queue it is told nothing, and then the channel ends. */
  ready(queueName: string, answer: (count: number | undefined) => void): void {
    if (this.#ended) return;
    answer(this.#around.vhost.queue(queueName)?.counts().ready);
    this.#queue(queueName);
  }

  /** Settles a delivery. The client's side sees to it that each is settled once. */
  settle(tag: number, how: 'ack' | Exclude<Return, 'down'>, requeue: boolean): void {
    const taken = this.#unsettled.get(tag);
    if (this.#ended || taken === undefined) return;
    this.#unsettled.delete(tag);
    if (!taken.holder.consumes) this.#holders.delete(taken.holder);
    if (how === 'ack') taken.queue.ack(taken);
    else taken.queue.giveBack(taken, how, requeue);
  }

  /** The channel is gone, whoever closed it: what it holds goes back. May be repeated. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsettled.clear();
    this.#around.vhost.forget(this);
    const byQueue = Map.groupBy(this.#holders, ([, queueName]) => queueName);
    this.#holders.clear();
    for (const [queueName, entries] of byQueue) this.#around.vhost.queue(queueName)?.down(entries.map(([holder]) => holder));
  }

  /** The queue of that name; without one the channel ends. */
  #queue(name: string): EmbeddedQueue | undefined {
    if (this.#ended) return undefined;
    const queue = this.#around.vhost.queue(name);
    if (queue === undefined) this.#fail(`no queue ${name}`);
    return queue;
  }

  #holder(consumes: boolean, onDelivery: (taken: Taken) => void): Holder {
    const onCancelled = () => {
      if (consumes)
        this.#around.onEnd({ code: 'ConsumerCancelled', message: 'the broker has cancelled the consumer: its queue was deleted' });
    };
    const prefetch = this.#around.prefetch === 0 ? Number.POSITIVE_INFINITY : this.#around.prefetch;
    return { consumes, prefetch: consumes ? prefetch : 1, held: new Map(), onDelivery, onCancelled, cancelled: false };
  }

  #deliver(taken: Taken): Delivery {
    const tag = ++this.#lastTag;
    this.#unsettled.set(tag, taken);
    const { deaths: _, failures: __, ...message } = taken.entry.message;
    const { redelivered, headers } = told(this.#around.profile, taken.entry, taken.holder.consumes ? 'consumer' : 'get');
    return { ...message, headers: { ...message.headers, ...headers }, redelivered, tag };
  }

  #fail(message: string): void {
    this.end();
    this.#around.onEnd({ code: 'ChannelError', message });
  }
}
