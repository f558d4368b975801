import { type AgentEvent, dataOf, defaultIdempotencyKey, type Envelope, envelopeOf } from '../api/event.ts';
import { digest } from '../api/names.ts';
import type { DeadLetterReason } from '../api/reasons.ts';
import type { Delivery } from '../broker/port.ts';
import { messageOf } from '../lib/errors.ts';
import type { Outcome } from './outcome.ts';
import type { Program } from './program.ts';

/** An event that has come through this many agents is not run again. */
export const MAX_HOPS = 8;

/** A delivery, read: what is known of it before the store is asked. */
export interface Arrival {
  readonly envelope: Envelope;
  /** Names the record; missing where the event has no identity. */
  readonly eventKey: string | undefined;
  /** Either the event to run, or how its life ends already. */
  readonly next: { readonly event: AgentEvent } | { readonly outcome: Outcome };
}

/** Reads a delivery: parse, due?, hop limit, filter. Pure but for `now`, in milliseconds. */
export function arrivalOf(delivery: Delivery, program: Program, now: number): Arrival {
  const envelope = envelopeOf(delivery, program.names.exchange);
  const { attributes } = envelope;
  const event = attempt('UnreadableBody', () => dataOf(delivery));
  if ('failed' in event) return { envelope, eventKey: defaultKey(attributes), next: identified(attributes.id, event.failed) };

  // The key of the agent's own may stand in for an id that the sender did not give.
  const withoutId = { ...attributes, id: attributes.id ?? '', data: event.value };
  const key = attempt('KeyError', () => program.key?.(withoutId));
  if ('failed' in key) return { envelope, eventKey: defaultKey(attributes), next: identified(attributes.id, key.failed) };
  const eventKey = key.value === undefined || key.value === '' ? defaultKey(attributes) : digest(key.value);
  if (eventKey === undefined) return { envelope, eventKey, next: { outcome: noEventId } };

  const named: AgentEvent = { ...attributes, id: attributes.id ?? eventKey, data: event.value };
  const next = verdict(named, envelope, program, now);
  return { envelope: { ...envelope, attributes: { ...attributes, id: named.id } }, eventKey, next };
}

const noEventId: Outcome = {
  kind: 'permanent',
  reason: 'NoEventId',
  error: 'the message has neither a ce-id header nor a message_id: have its publisher set one, or give the agent spec.idempotency.key',
};

function verdict(event: AgentEvent, { progress }: Envelope, program: Program, now: number): Arrival['next'] {
  if (progress.notBefore !== undefined && progress.notBefore > now)
    return { outcome: { kind: 'wait', reason: 'NotDue', untilMs: progress.notBefore } };
  if (event.hop > MAX_HOPS) {
    return {
      outcome: { kind: 'permanent', reason: 'HopLimit', error: `the event came through ${event.hop} agents, more than ${MAX_HOPS}` },
    };
  }
  // A copy of ours was admitted when it came first; a filter that was changed meanwhile does not strand it half done.
  if (program.filter === undefined || progress.admitted === true) return { event };
  const { filter } = program;
  const wanted = attempt('FilterError', () => filter(event));
  if ('failed' in wanted) return { outcome: wanted.failed };
  return wanted.value ? { event } : { outcome: { kind: 'filtered' } };
}

/** Without an id there is no record to take: such a message is dead-lettered for that first of all. */
function identified(id: string | undefined, outcome: Outcome): Arrival['next'] {
  return { outcome: id === undefined ? noEventId : outcome };
}

function defaultKey({ id, source }: Envelope['attributes']): string | undefined {
  return id === undefined ? undefined : defaultIdempotencyKey({ id, source });
}

function attempt<T>(reason: DeadLetterReason, compute: () => T): { readonly value: T } | { readonly failed: Outcome } {
  try {
    return { value: compute() };
  } catch (error) {
    return { failed: { kind: 'permanent', reason, error: messageOf(error) } };
  }
}
