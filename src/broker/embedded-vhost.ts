import { differingArgument } from './embedded-arguments.ts';
import type { Move } from './embedded-dead-letters.ts';
import { isCycle, type StoredMessage } from './embedded-message.ts';
import { EmbeddedQueue, type QueueSurroundings } from './embedded-queue.ts';
import { type ExchangeType, routedQueues } from './embedded-routing.ts';
import { BrokerError, type PublishOutcome } from './port.ts';
import type { Binding, ConsumerTimeoutPolicy, ObservedTopology, Queue, Step } from './topology.ts';

interface EmbeddedExchange {
  readonly name: string;
  readonly type: ExchangeType;
  bindings: readonly Binding[];
}

/** The exchanges, queues and bindings of the embedded broker. What it does it does at once; the time that passes is the business of its callers. */
export class EmbeddedVhost {
  readonly #around: Omit<QueueSurroundings, 'publishDeadLetter'>;
  readonly #exchanges = new Map<string, EmbeddedExchange>();
  readonly #queues = new Map<string, EmbeddedQueue>();
  /** By their queues. Deliveries may be held for ever here; what a policy says is told. */
  readonly #policies = new Map<string, ConsumerTimeoutPolicy>();

  constructor(around: Omit<QueueSurroundings, 'publishDeadLetter'>) {
    this.#around = around;
  }

  queue(name: string): EmbeddedQueue | undefined {
    return this.#queues.get(name);
  }

  /** What the broker says of a publication; `undefined` where its exchange does not exist. */
  publish(message: StoredMessage, enqueuer: object): PublishOutcome | undefined {
    const exchange = this.#exchanges.get(message.exchange);
    if (exchange === undefined) return undefined;
    const targets = this.#targets(exchange, message);
    if (targets.length === 0) return 'unroutable';
    // Every queue is asked, also behind one that refuses: there will be copies.
    const taken = targets.map((queue) => queue.enqueue(message, enqueuer));
    return taken.every(Boolean) ? 'confirmed' : 'refused';
  }

  /** Makes one change. Throws `BrokerError` (`ManagementFailed`) for what RabbitMQ refuses. */
  apply(step: Step): void {
    switch (step.do) {
      case 'declare-exchange':
        this.declareExchange(step.exchange.name, step.exchange.type);
        break;
      case 'declare-queue':
        this.#declareQueue(step.queue);
        break;
      case 'bind':
        this.#bind(step.binding);
        break;
      case 'unbind':
        this.#unbind(step.binding);
        break;
      case 'set-policy':
        if (!this.#around.profile.knowsConsumerTimeouts)
          throw new BrokerError('PolicyUnknown', `policy ${step.policy.name}: this version knows no consumer-timeout`);
        this.#policies.set(step.policy.queue, step.policy);
        break;
    }
  }

  /** Declares an exchange. Throws as `apply`. */
  declareExchange(name: string, type: ExchangeType): void {
    if (name === '') throw new BrokerError('ManagementFailed', 'the embedded broker has no default exchange: name one');
    const present = this.#exchanges.get(name);
    if (present !== undefined && present.type !== type)
      throw new BrokerError('ManagementFailed', `exchange ${name}: exists with the type ${present.type}, and not ${type}`);
    if (present === undefined) this.#exchanges.set(name, { name, type, bindings: [] });
  }

  observe(): ObservedTopology {
    const exchanges = [...this.#exchanges.values()];
    return {
      exchanges: exchanges.map(({ name, type }) => ({ name, type, durable: true })),
      queues: [...this.#queues.values()].map((queue) => ({
        name: queue.name,
        durable: true,
        type: 'quorum',
        arguments: queue.arguments,
        policy: policyOf(this.#policies.get(queue.name)),
      })),
      bindings: exchanges.flatMap((exchange) => exchange.bindings),
    };
  }

  /** Deletes a queue with its messages and bindings; its consumers are cancelled. One that does not exist is deleted already. */
  deleteQueue(name: string): void {
    const queue = this.#queues.get(name);
    this.#queues.delete(name);
    for (const exchange of this.#exchanges.values()) exchange.bindings = exchange.bindings.filter((binding) => binding.queue !== name);
    queue?.close();
  }

  /** Somebody who published is gone. */
  forget(enqueuer: object): void {
    for (const queue of this.#queues.values()) queue.forget(enqueuer);
  }

  /** Everybody who held or published something is gone at once. */
  restart(): void {
    for (const queue of this.#queues.values()) queue.restart();
  }

  #targets(exchange: EmbeddedExchange, message: StoredMessage): readonly EmbeddedQueue[] {
    return routedQueues(exchange.type, exchange.bindings, message).flatMap((name) => this.#queues.get(name) ?? []);
  }

  #publishDeadLetter(message: StoredMessage, except: ReadonlySet<string>, mover: object | undefined): Move {
    const exchange = this.#exchanges.get(message.exchange);
    const targets = exchange === undefined ? [] : this.#targets(exchange, message);
    const stored: string[] = [];
    const refused: string[] = [];
    for (const queue of targets) {
      if (except.has(queue.name) || isCycle(message, queue.name)) continue;
      (queue.enqueue(message, mover) ? stored : refused).push(queue.name);
    }
    return { stored, refused };
  }

  #declareQueue({ name, arguments: args }: Queue): void {
    const present = this.#queues.get(name);
    const other = present && differingArgument(present.arguments, args);
    if (other !== undefined)
      throw new BrokerError('ManagementFailed', `queue ${name}: exists with another ${other}, which cannot be changed`);
    if (present !== undefined) return;
    const publishDeadLetter = this.#publishDeadLetter.bind(this);
    this.#queues.set(name, new EmbeddedQueue(name, args, { ...this.#around, publishDeadLetter }));
  }

  #bind(binding: Binding): void {
    const exchange = this.#exchanges.get(binding.source);
    if (exchange === undefined) throw new BrokerError('ManagementFailed', `exchange ${binding.source} to bind to does not exist`);
    if (!this.#queues.has(binding.queue)) throw new BrokerError('ManagementFailed', `queue ${binding.queue} to bind does not exist`);
    if (!exchange.bindings.some((other) => isSame(other, binding))) exchange.bindings = [...exchange.bindings, binding];
  }

  #unbind(binding: Binding): void {
    const exchange = this.#exchanges.get(binding.source);
    if (exchange !== undefined) exchange.bindings = exchange.bindings.filter((other) => !isSame(other, binding));
  }
}

function policyOf(policy: ConsumerTimeoutPolicy | undefined): ObservedTopology['queues'][number]['policy'] {
  if (policy === undefined) return { names: [], definition: {} };
  return { names: [policy.name], user: policy.name, definition: { 'consumer-timeout': policy.consumerTimeoutMs } };
}

function isSame(left: Binding, right: Binding): boolean {
  return (
    left.source === right.source &&
    left.queue === right.queue &&
    left.routingKey === right.routingKey &&
    differingArgument(left.arguments ?? {}, right.arguments ?? {}) === undefined
  );
}
