import { createHash } from 'node:crypto';

/** An EventAgent by namespace and name. Neither holds a dot (the CRD sees to it), so `<namespace>.<name>` is never ambiguous. */
export interface AgentRef {
  readonly namespace: string;
  readonly name: string;
}

/** The names of one agent's objects on the broker. All of them fit AMQP's 255 bytes: 63 + 40 + 63 + the fixed parts. */
export interface BrokerNames {
  /** Direct exchange of the agent's own; keys `work`, `wait`, `dead` and one per tier. */
  readonly exchange: string;
  readonly work: string;
  readonly wait: string;
  readonly dead: string;
  /** The namespace's topic exchange; routing key = event type. */
  readonly events: string;
  /** The queue of the tier that holds a message for `delayMs`. */
  tier(delayMs: number): string;
}

/** Routing keys on the agent's own exchange. */
export const routingKeys = {
  work: 'work',
  wait: 'wait',
  dead: 'dead',
  tier: (delayMs: number) => `retry.${delayMs}`,
} as const;

/** Prefix of all names on the broker; two installations may share a virtual host by using two. */
export const DEFAULT_PREFIX = 'ea';

/** Whether a text can be such a prefix: lower case letters and digits, at most 16. */
export function isPrefix(text: string): boolean {
  return /^[a-z0-9]{1,16}$/.test(text);
}

/** How long the `wait` queue holds a message. */
export const WAIT_MS = 15_000;

/** `<namespace>.<name>`. */
export function agentId(agent: AgentRef): string {
  return `${agent.namespace}.${agent.name}`;
}

/** The names of an agent's objects on the broker. `_events` cannot collide with an agent: a DNS label holds no underscore. */
export function brokerNames(agent: AgentRef, prefix: string = DEFAULT_PREFIX): BrokerNames {
  const own = `${prefix}.${agentId(agent)}`;
  return {
    exchange: own,
    work: own,
    wait: `${own}.wait`,
    dead: `${own}.dead`,
    events: eventsExchange(agent.namespace, prefix),
    tier: (delayMs) => `${own}.retry.${delayMs}`,
  };
}

/** The topic exchange that a namespace's agents share. */
export function eventsExchange(namespace: string, prefix: string = DEFAULT_PREFIX): string {
  return `${prefix}.${namespace}._events`;
}

/** SHA-256 over length-prefixed parts, in hex: no two lists of parts run together into the same bytes. */
export function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(part, 'utf8');
    hash.update(`${bytes.length}:`);
    hash.update(bytes);
  }
  return hash.digest('hex');
}
