import type { Binding, ListedQueue, ObservedTopology, Removal, Step, Topology } from '../../broker/topology.ts';
import { SortedNames } from './sorted-names.ts';

/** A change that was made after a listing had begun: the listing may not show it. */
interface Change {
  readonly at: number;
  readonly change: Step | Removal;
}

/** A queue, and since when it is known here, in milliseconds. */
interface Known {
  readonly queue: ListedQueue;
  readonly since: number;
}

/**
 * What is known of one virtual host: the last listings, and what was changed since they began. All times are the caller's clock.
 * Looks up by name, so that a thousand agents cost one listing and not a thousand.
 */
export class Snapshot {
  #queues = new Map<string, Known>();
  #names = new SortedNames();
  #exchanges = new Map<string, ObservedTopology['exchanges'][number]>();
  #bindings = new Map<string, readonly Binding[]>();
  #changes: Change[] = [];
  #hasQueues = false;
  #hasRoutes = false;

  /** Whether every kind of object was listed once. */
  get isComplete(): boolean {
    return this.#hasQueues && this.#hasRoutes;
  }

  /** Takes over a listing of the queues that was begun at `startedAt`. */
  takeQueues(listed: readonly ListedQueue[], startedAt: number, now: number): void {
    const before = this.#queues;
    this.#queues = new Map(listed.map((queue) => [queue.name, { queue, since: before.get(queue.name)?.since ?? now }]));
    this.#names = new SortedNames(this.#queues.keys());
    this.#hasQueues = true;
    this.#redo(startedAt, now, (change) => change.do === 'declare-queue' || change.do === 'delete-queue');
  }

  /** Takes over a listing of exchanges and bindings that was begun at `startedAt`; comes back with the names of exchanges and of queues whose routes are other than they were. */
  takeRoutes({ exchanges, bindings }: Omit<ObservedTopology, 'queues'>, startedAt: number, now: number): ReadonlySet<string> {
    const [exchangesBefore, bindingsBefore, isFirst] = [this.#exchanges, this.#bindings, !this.#hasRoutes];
    this.#exchanges = new Map(exchanges.map((exchange) => [exchange.name, exchange]));
    this.#bindings = Map.groupBy(bindings, ({ queue }) => queue);
    this.#hasRoutes = true;
    this.#redo(startedAt, now, (change) => change.do !== 'declare-queue' && change.do !== 'delete-queue');
    if (isFirst) return new Set();
    return new Set([
      ...changedNames(exchangesBefore, this.#exchanges, (exchange) => JSON.stringify(exchange)),
      ...changedNames(bindingsBefore, this.#bindings, (routes) => routes.map(keyOf).toSorted().join('\n')),
    ]);
  }

  /** Notes a change that was made. */
  note(change: Step | Removal, now: number): void {
    this.#changes.push({ at: now, change });
    this.#make(change, now);
  }

  /** What of the broker's objects matters to a topology. */
  observed(desired: Topology): ObservedTopology {
    const names = desired.queues.map(({ name }) => name);
    const exchanges = [...desired.exchanges.map(({ name }) => name), ...desired.foreignExchanges];
    return {
      queues: names.flatMap((name) => this.#queues.get(name)?.queue ?? []),
      exchanges: exchanges.flatMap((name) => this.#exchanges.get(name) ?? []),
      bindings: names.flatMap((name) => this.bindingsOf(name)),
    };
  }

  queue(name: string): ListedQueue | undefined {
    return this.#queues.get(name)?.queue;
  }

  /** Since when a queue is known here; `undefined` where it is not. */
  knownSince(name: string): number | undefined {
    return this.#queues.get(name)?.since;
  }

  bindingsOf(queue: string): readonly Binding[] {
    return this.#bindings.get(queue) ?? [];
  }

  hasExchange(name: string): boolean {
    return this.#exchanges.has(name);
  }

  /** Names of all queues that begin so. */
  queueNames(prefix: string): readonly string[] {
    return this.#names.startingWith(prefix);
  }

  /** Changes that a listing cannot have missed are forgotten; the others are made on top of it. */
  #redo(startedAt: number, now: number, isOfListing: (change: Step | Removal) => boolean): void {
    this.#changes = this.#changes.filter(({ at, change }) => at >= startedAt || !isOfListing(change));
    for (const { change } of this.#changes) if (isOfListing(change)) this.#make(change, now);
  }

  #make(change: Step | Removal, now: number): void {
    switch (change.do) {
      case 'declare-queue': {
        const { name, arguments: args } = change.queue;
        if (this.#queues.has(name)) return;
        const type = String(args['x-queue-type'] ?? 'classic');
        this.#names.add(name);
        this.#queues.set(name, { queue: { name, durable: true, type, arguments: args, policy: undefined }, since: now });
        return;
      }
      case 'delete-queue':
        this.#names.delete(change.queue);
        this.#queues.delete(change.queue);
        this.#bindings.delete(change.queue);
        return;
      case 'declare-exchange':
        this.#exchanges.set(change.exchange.name, { ...change.exchange, durable: true });
        return;
      case 'delete-exchange':
        this.#exchanges.delete(change.exchange);
        for (const [queue, bindings] of this.#bindings)
          this.#bindings.set(
            queue,
            bindings.filter(({ source }) => source !== change.exchange),
          );
        return;
      case 'bind':
        this.#bindings.set(change.binding.queue, [...this.bindingsOf(change.binding.queue), change.binding]);
        return;
      case 'unbind': {
        const gone = keyOf(change.binding);
        this.#bindings.set(
          change.binding.queue,
          this.bindingsOf(change.binding.queue).filter((binding) => keyOf(binding) !== gone),
        );
        return;
      }
      case 'set-policy':
      case 'delete-policy':
        // The broker itself says what of it is in effect, with the next listings of the queue.
        return;
      default:
        change satisfies never;
    }
  }
}

/** The names under which one map has something else than another. */
function changedNames<T>(before: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>, textOf: (value: T) => string): readonly string[] {
  const names = new Set([...before.keys(), ...now.keys()]);
  return [...names].filter((name) => {
    const [one, other] = [before.get(name), now.get(name)];
    return (one === undefined ? '' : textOf(one)) !== (other === undefined ? '' : textOf(other));
  });
}

function keyOf({ source, routingKey, arguments: args = {} }: Binding): string {
  return JSON.stringify([source, routingKey, Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
