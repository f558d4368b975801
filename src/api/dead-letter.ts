import { defaultIdempotencyKey, type Envelope, envelopeOf, messageFor, type Progress } from './event.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Headers, HeaderValue, Message } from './message.ts';
import type { BrokerNames } from './names.ts';
import type { DeadLetterReason, StrayReason } from './reasons.ts';
import type { Decision } from './record.ts';

/** An error travels in a header, beside the event's attributes in one frame. */
const MAX_ERROR_CHARACTERS = 1000;

/** The headers that a dead letter carries beside the event's own: why, since when, and after how many attempts. */
export function deadLetterHeaders(decision: Extract<Decision, { kind: 'dead' }>, publishedAt: number | undefined): Headers {
  return {
    'ea-reason': decision.reason,
    'ea-error': decision.error.slice(0, MAX_ERROR_CHARACTERS),
    'ea-fingerprint': decision.fingerprint,
    'ea-attempts': decision.attempts,
    'ea-dead-at': new Date(decision.at).toISOString(),
    ...(publishedAt === undefined ? {} : { 'ea-first-at': new Date(publishedAt).toISOString() }),
  };
}

/** By this one messages are published to a queue by its name. AMQP 0-9-1, section 3.1.3. */
const DEFAULT_EXCHANGE = '';

/** What a message of a dead-letter queue says of itself. Times in milliseconds since the epoch. */
export interface DeadLetter {
  readonly envelope: Envelope;
  readonly reason: DeadLetterReason | StrayReason;
  /** At most 1,000 characters. */
  readonly error: string;
  readonly fingerprint: string;
  /** Missing where it was not a runner that gave the event up. */
  readonly attempts?: number;
  /** When it became a dead letter; missing where nobody knows. */
  readonly deadAt?: number;
  /** When the event was first published, or last redriven. */
  readonly firstAt?: number;
}

/** Which dead letters are meant; what is missing does not narrow them. */
export interface LetterFilter {
  readonly reason?: string;
  readonly fingerprint?: string;
  /** Of the event. */
  readonly type?: string;
  readonly olderThanMs?: number;
  readonly newerThanMs?: number;
}

/**
 * The key that the record of a dead letter's event is found by: the one that the message carries, else the default one, which is the right one for every agent without an
 * `idempotency.key`. `undefined` for an event without an id.
 */
export function recordKeyOf({ envelope: { attributes, progress } }: DeadLetter): string | undefined {
  const { id, source } = attributes;
  return progress.key ?? (id === undefined ? undefined : defaultIdempotencyKey({ id, source }));
}

/**
 * Reads a message of an agent's dead-letter queue, whoever put it there: a runner; the broker, whose `x-death` header says how the message had come to the agent
 * (https://www.rabbitmq.com/docs/dlx#effects); or somebody by hand. `ea-*` headers count where the event came by the agent's own exchange, as everywhere, and in what was
 * published to this very queue by the default exchange: so come dead letters that somebody had moved elsewhere and moves back. A reason of another version is kept as it is.
 */
export function deadLetterOf(
  message: Message & { readonly exchange: string; readonly routingKey: string },
  names: BrokerNames,
): DeadLetter {
  const death = deathIn(message.headers, names.work);
  const { exchange, routingKey } = death ?? message;
  const isOwn = exchange === names.exchange || (death === undefined && exchange === DEFAULT_EXCHANGE);
  const envelope = envelopeOf({ ...message, exchange: isOwn ? names.exchange : exchange, routingKey }, names.exchange);
  const told = isOwn ? message.headers : {};
  const firstAt = timeOf(told['ea-first-at']) ?? envelope.publishedAt;
  const first = firstAt === undefined ? {} : { firstAt };
  const { 'ea-reason': reason, 'ea-error': error, 'ea-fingerprint': fingerprint, 'ea-attempts': attempts } = told;
  if (typeof reason !== 'string' || typeof error !== 'string') return { envelope, ...strayOf(death, message.exchange, names), ...first };
  const deadAt = timeOf(told['ea-dead-at']);
  return {
    envelope,
    reason: reason as DeadLetterReason,
    error,
    fingerprint: typeof fingerprint === 'string' ? fingerprint : fingerprintOf(reason, error),
    ...(typeof attempts === 'number' ? { attempts } : {}),
    ...(deadAt === undefined ? {} : { deadAt }),
    ...first,
  };
}

/**
 * What two messages have in common that are one dead letter, published twice around a crash: key and generation of the event. `undefined` where the message carries no key: it
 * stands for itself then, even beside another one of the same id, which an agent's own key may tell apart.
 */
export function letterIdentity({ envelope: { progress } }: DeadLetter): string | undefined {
  return progress.key === undefined ? undefined : `${progress.gen}/${progress.key}`;
}

/** What an identity is made of. */
export function identityParts(identity: string): { readonly gen: number; readonly key: string } {
  const cut = identity.indexOf('/');
  return { gen: Number(identity.slice(0, cut)), key: identity.slice(cut + 1) };
}

/** Since when a message may count as a dead letter: when it became one, else when the event was published. */
export function deadSince({ deadAt, firstAt }: DeadLetter): number | undefined {
  return deadAt ?? firstAt;
}

/** What a dead letter's event carries when it is run again: its generation, and the key that its record is found by, where that is known. */
export type Redriven = Pick<Progress, 'gen' | 'key'>;

/** The event of a dead letter once more, to be run from its first attempt on and judged by the filter of that day, published at `now`. */
export function redrivenMessage({ envelope }: DeadLetter, content: Message, next: Redriven, now: number): Message {
  const { tick, expiresAt } = envelope.progress;
  return messageFor(envelope.attributes, content, now, {
    ...next,
    attempt: 1,
    ...(tick === undefined ? {} : { tick }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

interface Death {
  readonly reason: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly at: number | undefined;
}

/** How the broker took a message out of a queue, by the latest entry for that queue. */
function deathIn(headers: Headers, queue: string): Death | undefined {
  const deaths = headers['x-death'];
  if (!isList(deaths)) return undefined;
  for (const death of deaths) {
    if (!isTable(death) || death.queue !== queue || typeof death.exchange !== 'string') continue;
    const keys = death['routing-keys'];
    const [routingKey] = isList(keys) ? keys : [];
    return {
      reason: typeof death.reason === 'string' ? death.reason : 'unknown',
      exchange: death.exchange,
      routingKey: typeof routingKey === 'string' ? routingKey : '',
      at: timeOf(death.time),
    };
  }
  return undefined;
}

/** Why a message lies here that no runner has put here. */
function strayOf(
  death: Death | undefined,
  exchange: string,
  names: BrokerNames,
): Pick<DeadLetter, 'reason' | 'error' | 'fingerprint' | 'deadAt'> {
  const reason = death === undefined ? 'PutByHand' : 'GivenUpByBroker';
  const error =
    death === undefined
      ? `somebody published it here by ${exchange === DEFAULT_EXCHANGE ? 'the default exchange' : `exchange ${exchange}`}`
      : `RabbitMQ took it out of queue ${names.work}: ${death.reason}`;
  return { reason, error, fingerprint: fingerprintOf(reason, error), ...(death?.at === undefined ? {} : { deadAt: death.at }) };
}

function timeOf(value: HeaderValue | undefined): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : typeof value === 'number' ? value * 1000 : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

function isList(value: HeaderValue | undefined): value is readonly HeaderValue[] {
  return Array.isArray(value);
}

function isTable(value: HeaderValue | undefined): value is { readonly [name: string]: HeaderValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
