import type { Binding, ListedQueue, ObservedQueue, ObservedTopology, QueueArguments, QueueDepth } from './topology.ts';

/** What of a queue is asked for: a listing without `columns` computes statistics of everything. `operator_policy` and the effective definition lag behind a change by up to 5 s. */
export const QUEUE_COLUMNS = 'name,durable,type,arguments,policy,operator_policy,effective_policy_definition';

/** And what tells how much is in it. */
export const DEPTH_COLUMNS = 'messages,messages_ready,messages_unacknowledged';

/** An exchange, as the API writes it. */
export function exchangeOf(raw: Readonly<Record<string, unknown>>): ObservedTopology['exchanges'][number] {
  return { name: String(raw.name), type: String(raw.type), durable: raw.durable === true };
}

/** A queue, as the API writes it; asked for by `QUEUE_COLUMNS`. */
export function queueOf(raw: Readonly<Record<string, unknown>>): ObservedQueue {
  const args = (raw.arguments ?? {}) as QueueArguments;
  return {
    name: String(raw.name),
    durable: raw.durable === true,
    type: String(raw.type ?? args['x-queue-type'] ?? 'classic'),
    arguments: args,
    policy: policyOf(raw),
  };
}

/** A queue and its counts; asked for by `DEPTH_COLUMNS`, too. */
export function listedQueueOf(raw: Readonly<Record<string, unknown>>): ListedQueue {
  const depth = depthOf(raw);
  return { ...queueOf(raw), ...(depth === undefined ? {} : { depth }) };
}

/** A queue whose leader is away, or that was declared just now, has no counts. */
function depthOf({ messages, messages_ready, messages_unacknowledged }: Readonly<Record<string, unknown>>): QueueDepth | undefined {
  if (typeof messages !== 'number' || typeof messages_ready !== 'number' || typeof messages_unacknowledged !== 'number') return undefined;
  return { total: messages, ready: messages_ready, unacknowledged: messages_unacknowledged };
}

/** The effective definition comes with the queue's statistics, some time after the queue; until then nothing is known of it. */
function policyOf(raw: Readonly<Record<string, unknown>>): ObservedQueue['policy'] {
  const definition = raw.effective_policy_definition;
  if (definition === undefined || definition === null) return undefined;
  const names = [raw.policy, raw.operator_policy].filter((name) => typeof name === 'string' && name !== '').map(String);
  // An empty definition is written as an empty list.
  const user = typeof raw.policy === 'string' && raw.policy !== '' ? { user: raw.policy } : {};
  return { names, ...user, definition: Array.isArray(definition) ? {} : (definition as Readonly<Record<string, unknown>>) };
}

/** A binding of a queue; `undefined` for one of an exchange to an exchange, which is none of ours. */
export function bindingOf(raw: Readonly<Record<string, unknown>>): Binding | undefined {
  if (raw.destination_type !== 'queue') return undefined;
  const binding = { source: String(raw.source), queue: String(raw.destination), routingKey: String(raw.routing_key) };
  const args = (raw.arguments ?? {}) as QueueArguments;
  return Object.keys(args).length === 0 ? binding : { ...binding, arguments: args };
}
