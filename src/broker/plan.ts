import { consumerTimeouts } from './consumer-timeouts.ts';
import type { Binding, Exchange, ObservedQueue, ObservedTopology, Queue, QueueArguments, Step, Topology } from './topology.ts';

/** Why a topology cannot be had as wanted. The message names the object, what differs, and the remedy. Nothing is ever deleted to solve one. */
export type Problem =
  | { readonly kind: 'QueueMismatch'; readonly queue: string; readonly message: string }
  | { readonly kind: 'ExchangeMismatch'; readonly exchange: string; readonly message: string }
  | { readonly kind: 'ForeignExchangeMissing'; readonly exchange: string; readonly message: string }
  | { readonly kind: 'ForeignPolicy'; readonly queue: string; readonly policies: readonly string[]; readonly message: string }
  | { readonly kind: 'RunTimeoutTooLong'; readonly queue: string; readonly message: string };

/** What is to be done, and what cannot be done. */
export interface Plan {
  /** Objects and the routes among them, in this order. */
  readonly steps: readonly Step[];
  /** Routes into work queues, by which events come in: to be made, in this order, once all that `steps` declared outlives a crash of the broker. */
  readonly intake: readonly Step[];
  readonly problems: readonly Problem[];
  /** What is only a matter of seconds, unless something holds it up: nothing is to be let in, and nobody is to consume, before. */
  readonly pending: readonly Problem[];
}

/** What a policy may not set on a queue of ours, since it would destroy messages behind our back. */
const destructive: Readonly<Record<Queue['role'], readonly string[]>> = {
  // A length limit on work is the platform's good right: it refuses (`reject-publish`), and refused senders come again. Past a delivery limit an event becomes a dead letter.
  work: ['message-ttl', 'expires'],
  wait: ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit'],
  tier: ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit'],
  dead: ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit'],
};

/** Where a message may come in last: everything behind it stands by then. */
const intakeLast: Readonly<Record<Queue['role'], number>> = { dead: 0, wait: 1, tier: 2, work: 3 };

/**
 * What makes the broker hold `desired`, given what it holds. Routes appear only when what they lead to is there, those into the agent's work last, and a route that is
 * no longer wanted goes after the new ones have come. Objects that `desired` does not name are left alone; so are queues in the way, and what leads to them. Routes into
 * a work queue whose events could not be settled, since something is in the way of its own exchange or of a queue behind that, stay as they are.
 */
export function plan(desired: Topology, observed: ObservedTopology): Plan {
  const exchanges = compare(desired.exchanges, observed.exchanges, exchangeMismatch);
  const queues = compare(desired.queues, observed.queues, queueMismatch);
  const foreignMissing = desired.foreignExchanges.filter((name) => !observed.exchanges.some((exchange) => exchange.name === name));
  const blockedExchanges = new Set([...exchanges.mismatched.map(({ exchange }) => exchange), ...foreignMissing]);
  const blockedQueues = new Set(queues.mismatched.map(({ queue }) => queue));
  const ours = new Map(desired.queues.map((queue) => [queue.name, queue]));
  const rank = (name: string) => intakeLast[ours.get(name)?.role ?? 'work'];

  const wanted = new Set(desired.bindings.map(bindingKey));
  const present = new Set(observed.bindings.map(bindingKey));
  const stuck = new Set(
    desired.queues.filter((queue) => !canSettle(queue, desired.bindings, blockedExchanges, blockedQueues)).map(({ name }) => name),
  );
  const isOpen = (queue: string) => !blockedQueues.has(queue) && !stuck.has(queue);
  const missing = desired.bindings.filter(
    (binding) => !present.has(bindingKey(binding)) && !blockedExchanges.has(binding.source) && isOpen(binding.queue),
  );
  const surplus = observed.bindings.filter(
    (binding) => binding.source !== '' && ours.has(binding.queue) && isOpen(binding.queue) && !wanted.has(bindingKey(binding)),
  );
  const routes = [
    ...byRank(missing, ({ queue }) => rank(queue)).map((binding) => ({ do: 'bind', binding }) as const),
    ...surplus.map((binding) => ({ do: 'unbind', binding }) as const),
  ];
  const timeouts = consumerTimeouts(desired, observed);
  const isIntake = ({ binding }: { readonly binding: Binding }) => ours.get(binding.queue)?.role === 'work';
  return {
    steps: [
      ...exchanges.missing.map((exchange): Step => ({ do: 'declare-exchange', exchange })),
      ...byRank(queues.missing, ({ name }) => rank(name)).map((queue): Step => ({ do: 'declare-queue', queue })),
      ...routes.filter((route) => !isIntake(route)),
      ...timeouts.steps,
    ],
    intake: routes.filter(isIntake),
    problems: [
      ...exchanges.mismatched,
      ...queues.mismatched,
      ...foreignMissing.map(foreignExchangeMissing),
      ...observed.queues.flatMap((queue) => foreignPolicy(ours.get(queue.name)?.role, queue)),
      ...timeouts.problems,
    ],
    pending: timeouts.pending,
  };
}

/** Whether the events of a work queue can go where they are settled to: through the exchange that it dead-letters to, into the queues bound there. Other queues settle nothing. */
function canSettle(
  { role, arguments: { 'x-dead-letter-exchange': exchange } }: Queue,
  bindings: readonly Binding[],
  blockedExchanges: ReadonlySet<string>,
  blockedQueues: ReadonlySet<string>,
): boolean {
  if (role !== 'work' || exchange === undefined) return true;
  return !blockedExchanges.has(String(exchange)) && !bindings.some(({ source, queue }) => source === exchange && blockedQueues.has(queue));
}

/** Sorts the wanted objects into those that are not there and those whose name is taken by something else. */
function compare<Wanted extends { readonly name: string }, Seen extends { readonly name: string }, Mismatch>(
  wanted: readonly Wanted[],
  seen: readonly Seen[],
  mismatch: (wanted: Wanted, seen: Seen) => Mismatch | undefined,
): { readonly missing: readonly Wanted[]; readonly mismatched: readonly Mismatch[] } {
  const byName = new Map(seen.map((object) => [object.name, object]));
  const missing: Wanted[] = [];
  const mismatched: Mismatch[] = [];
  for (const object of wanted) {
    const inPlace = byName.get(object.name);
    const difference = inPlace === undefined ? undefined : mismatch(object, inPlace);
    if (inPlace === undefined) missing.push(object);
    else if (difference !== undefined) mismatched.push(difference);
  }
  return { missing, mismatched };
}

function exchangeMismatch(
  wanted: Exchange,
  seen: ObservedTopology['exchanges'][number],
): (Problem & { kind: 'ExchangeMismatch' }) | undefined {
  const differences = [
    ...(seen.type === wanted.type ? [] : [`its type is ${seen.type} instead of ${wanted.type}`]),
    ...(seen.durable ? [] : ['it is not durable']),
  ];
  if (differences.length === 0) return undefined;
  const message = `exchange ${wanted.name} is in the way: ${differences.join(', ')}. Nothing was changed; delete it if nobody needs it, or rename it`;
  return { kind: 'ExchangeMismatch', exchange: wanted.name, message };
}

function queueMismatch(wanted: Queue, seen: ObservedQueue): (Problem & { kind: 'QueueMismatch' }) | undefined {
  const differences = [
    ...(seen.durable ? [] : ['it is not durable']),
    ...(seen.type === wantedType(wanted) ? [] : [`its type is ${seen.type} instead of ${wantedType(wanted)}`]),
    ...argumentDifferences(wanted.arguments, seen.arguments),
  ];
  if (differences.length === 0) return undefined;
  const message =
    `queue ${wanted.name} is in the way: ${differences.join(', ')}. Arguments of a queue cannot be changed, and nothing was deleted; ` +
    'move its messages elsewhere and delete it, then it is declared anew';
  return { kind: 'QueueMismatch', queue: wanted.name, message };
}

function wantedType(queue: Queue): string {
  return String(queue.arguments['x-queue-type'] ?? 'classic');
}

function argumentDifferences(wanted: QueueArguments, seen: QueueArguments): readonly string[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(seen)]);
  // The type is said already.
  names.delete('x-queue-type');
  return [...names]
    .filter((name) => wanted[name] !== seen[name])
    .map((name) => `${name} is ${seen[name] ?? 'not set'} instead of ${wanted[name] ?? 'not set'}`);
}

function foreignExchangeMissing(exchange: string): Problem {
  const message = `exchange ${exchange} does not exist: a trigger binds to it, and exchanges of yours are never declared for you. Declare it, or correct the trigger`;
  return { kind: 'ForeignExchangeMissing', exchange, message };
}

function foreignPolicy(role: Queue['role'] | undefined, queue: ObservedQueue): readonly Problem[] {
  if (role === undefined || queue.policy === undefined) return [];
  const { names, definition } = queue.policy;
  const found = destructive[role].filter((key) => key in definition);
  if (found.length === 0) return [];
  const settings = found.map((key) => `${key} ${JSON.stringify(definition[key])}`).join(', ');
  const message =
    `queue ${queue.name}: policy ${names.join(' and ')} sets ${settings}, which destroys messages of this queue. ` +
    "Narrow the policy's pattern so that it does not match the queue, or take the setting out of it";
  return [{ kind: 'ForeignPolicy', queue: queue.name, policies: names, message }];
}

function byRank<Item>(items: readonly Item[], rank: (item: Item) => number): readonly Item[] {
  return items.toSorted((a, b) => rank(a) - rank(b));
}

/** Two bindings are one to the broker if this is the same. */
function bindingKey(binding: Binding): string {
  const args = Object.entries(binding.arguments ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([binding.source, binding.queue, binding.routingKey, args]);
}
