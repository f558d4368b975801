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

/** Reads a delivery: parse, key, due?, hop limit, filter. Its envelope then says what its copies are to say of it. Pure but for `now`, in milliseconds. */
export function arrivalOf(delivery: Delivery, program: Program, now: number): Arrival {
  const envelope = envelopeOf(delivery, program.names.exchange);
  const { attributes, progress } = envelope;
  const reading = readingOf(delivery, envelope, program);
  const eventKey = progress.key ?? ('failed' in reading ? undefined : reading.key) ?? defaultKey(attributes);
  // Without any key there is no record to take: such a message is dead-lettered for that first of all.
  if (eventKey === undefined) return { envelope, eventKey, next: { outcome: noEventId } };

  const named = { ...attributes, id: attributes.id ?? eventKey };
  const next = 'failed' in reading ? { outcome: reading.failed } : verdict({ ...named, data: reading.data }, envelope, program, now);
  const admitted = 'event' in next ? { admitted: true } : {};
  return { envelope: { ...envelope, attributes: named, progress: { ...progress, key: eventKey, ...admitted } }, eventKey, next };
}

/** The event's data, and its key where it is not the default one. */
function readingOf(
  delivery: Delivery,
  envelope: Envelope,
  program: Program,
): { readonly data: unknown; readonly key: string | undefined } | { readonly failed: Outcome } {
  const data = attempt('UnreadableBody', () => dataOf(delivery));
  if ('failed' in data) return data;
  const key = attempt('KeyError', () => ownKey(envelope, data.value, program));
  return 'failed' in key ? key : { data: data.value, key: key.value };
}

/** The key that the agent tells its events by. A copy of ours says itself what its event was told by; a tick is waited for under the default key. */
function ownKey({ attributes, progress }: Envelope, data: unknown, program: Program): string | undefined {
  if (program.key === undefined || progress.key !== undefined || progress.tick === true) return undefined;
  // The key may stand in for an id that the sender did not give.
  const key = program.key({ ...attributes, id: attributes.id ?? '', data });
  return key === '' ? undefined : digest(key);
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
