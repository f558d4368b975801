/** Arguments of a queue, by their AMQP names. Immutable for the life of the queue. */
export type QueueArguments = Readonly<Record<string, string | number | boolean>>;

/** A durable exchange of ours. */
export interface Exchange {
  readonly name: string;
  readonly type: 'direct' | 'topic';
}

/** A durable quorum queue of ours (`x-queue-type: quorum` is one of its arguments). */
export interface Queue {
  readonly name: string;
  /** What the queue is for: decides which foreign policies destroy something. */
  readonly role: 'work' | 'wait' | 'tier' | 'dead';
  readonly arguments: QueueArguments;
  /** How long the broker must let a delivery of the queue go unsettled, in milliseconds, where that is longer than its usual 30 minutes. */
  readonly consumerTimeoutMs?: number;
}

/** A policy of ours on one queue: how long its deliveries may go unsettled. An argument of the queue could not be changed, and says nothing to RabbitMQ 3. */
export interface ConsumerTimeoutPolicy {
  readonly name: string;
  readonly queue: string;
  readonly consumerTimeoutMs: number;
}

/** The name of our policy on a queue. */
export function policyName(queue: string): string {
  return `${queue}.consumer-timeout`;
}

/** Exchange to queue. `arguments` only for a headers exchange of the user's. */
export interface Binding {
  readonly source: string;
  readonly queue: string;
  readonly routingKey: string;
  readonly arguments?: QueueArguments;
}

/** Everything that one or more agents need on the broker: a value. */
export interface Topology {
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly Queue[];
  readonly bindings: readonly Binding[];
  /** Exchanges of the user's that bindings come from: they must exist, and are never declared nor deleted by us. */
  readonly foreignExchanges: readonly string[];
}

/** A queue as the broker reports it. */
export interface ObservedQueue {
  readonly name: string;
  readonly durable: boolean;
  readonly type: string;
  readonly arguments: QueueArguments;
  /**
   * The policies in effect, `user` among them the one that is not an operator policy, and their merged definition; empty where there are none, `undefined` where the broker does
   * not say yet.
   */
  readonly policy:
    | { readonly names: readonly string[]; readonly user?: string; readonly definition: Readonly<Record<string, unknown>> }
    | undefined;
}

/** What the broker holds of everything that a topology may touch. */
export interface ObservedTopology {
  readonly exchanges: readonly { readonly name: string; readonly type: string; readonly durable: boolean }[];
  readonly queues: readonly ObservedQueue[];
  readonly bindings: readonly Binding[];
}

/** One change on the broker. Each may be repeated. */
export type Step =
  | { readonly do: 'declare-exchange'; readonly exchange: Exchange }
  | { readonly do: 'declare-queue'; readonly queue: Queue }
  | { readonly do: 'bind'; readonly binding: Binding }
  | { readonly do: 'unbind'; readonly binding: Binding }
  | { readonly do: 'set-policy'; readonly policy: ConsumerTimeoutPolicy };

/** How the broker's objects are seen and changed: the management API, or the embedded broker itself. */
export interface TopologyAdmin {
  /** All that the broker holds in the virtual host. Rejects with `BrokerError`. */
  observe(signal: AbortSignal): Promise<ObservedTopology>;
  /** Makes one change. Rejects with `BrokerError`. */
  apply(step: Step, signal: AbortSignal): Promise<void>;
  /** How long after its declaration a queue, and what it has confirmed, can still be forgotten by a broker that is killed. */
  readonly freshQueueMs: number;
}

/** How many messages a queue holds. `total` also counts what is held back by a refused dead-lettering, which is neither ready nor unacknowledged. */
export interface QueueDepth {
  readonly ready: number;
  readonly unacknowledged: number;
  readonly total: number;
}

/** A queue as a listing of all queues tells it; without `depth` the broker has not counted its messages yet. */
export interface ListedQueue extends ObservedQueue {
  readonly depth?: QueueDepth;
}

/** Takes something away from the broker. What is gone already is a success. */
export type Removal =
  | { readonly do: 'delete-queue'; readonly queue: string }
  | { readonly do: 'delete-exchange'; readonly exchange: string }
  | { readonly do: 'delete-policy'; readonly policy: string };

/** What the operator needs beside bringing topologies about: listings by kind, and taking away what nobody needs any more. */
export interface BrokerAdmin extends TopologyAdmin {
  /** Every queue of the virtual host. Counts lag behind by some seconds. Rejects with `BrokerError`. */
  queues(signal: AbortSignal): Promise<readonly ListedQueue[]>;
  /** Every exchange and binding of the virtual host. Rejects with `BrokerError`. */
  routes(signal: AbortSignal): Promise<Omit<ObservedTopology, 'queues'>>;
  /** Deletes, whatever is in it: looking first is the caller's part, since quorum queues know no deletion on a condition. Rejects with `BrokerError`. */
  remove(removal: Removal, signal: AbortSignal): Promise<void>;
}
