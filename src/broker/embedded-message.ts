import type { Headers, HeaderValue, Message } from '../api/message.ts';
import type { Profile } from './embedded-profile.ts';
import type { Publication } from './port.ts';

/** Why a queue parted with a message. https://www.rabbitmq.com/docs/dlx */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/** All deaths of a message in one queue for one reason. */
export interface Death {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  /** Of the first of them, in seconds since the epoch. */
  readonly time: number;
}

/** A message as a queue keeps it. */
export interface StoredMessage extends Message {
  readonly exchange: string;
  readonly routingKey: string;
  /** The most recent first. */
  readonly deaths: readonly Death[];
  /** Failed deliveries that it brought along from the queue before. */
  readonly failures: number;
}

/** What the broker stores of a publication. The body is not copied; the headers are. */
export function storedMessage(publication: Publication, profile: Profile): StoredMessage {
  const { body, exchange, routingKey, contentType, messageId, timestamp } = publication;
  const headers = copyOf(publication.headers) as Headers;
  return {
    body,
    exchange,
    routingKey,
    ...(contentType === undefined ? {} : { contentType: contentType.toWellFormed() }),
    ...(messageId === undefined ? {} : { messageId: messageId.toWellFormed() }),
    ...(timestamp === undefined ? {} : { timestamp }),
    headers,
    deaths: profile.believesClients ? claimedDeaths(headers['x-death']) : [],
    failures: 0,
  };
}

/** A copy as it looks at the other end of an AMQP field table; nested values are frozen, since every delivery of the message shares them. */
function copyOf(value: HeaderValue): HeaderValue {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(copyOf));
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)])));
}

/** Where and when a message dies. */
export interface DeathPlace {
  readonly queue: string;
  readonly reason: DeathReason;
  readonly now: number;
  /** What the message is published to next. Without routing key it keeps its own. */
  readonly exchange: string;
  readonly routingKey: string | undefined;
  readonly failures: number;
}

/** The message as its dead-letter exchange gets it. */
export function deadLetterOf(message: StoredMessage, place: DeathPlace, profile: Profile): StoredMessage {
  const { queue, reason } = place;
  const same = message.deaths.find((death) => death.queue === queue && death.reason === reason);
  const death: Death = same
    ? { ...same, count: same.count + 1 }
    : { queue, reason, count: 1, exchange: message.exchange, routingKeys: [message.routingKey], time: Math.floor(place.now / 1000) };
  const deaths = [death, ...message.deaths.filter((other) => other !== same)];
  const where = (which: string) => ({
    [`x-${which}-death-exchange`]: death.exchange,
    [`x-${which}-death-queue`]: queue,
    [`x-${which}-death-reason`]: reason,
  });
  return {
    ...message,
    exchange: place.exchange,
    routingKey: place.routingKey ?? message.routingKey,
    headers: Object.freeze({
      ...message.headers,
      ...(message.deaths.length === 0 ? where('first') : {}),
      ...(profile.tellsLastDeath ? where('last') : {}),
      'x-death': Object.freeze(deaths.map(tableOf)),
    }),
    deaths,
    failures: profile.carriesFailures ? place.failures : 0,
  };
}

/** Whether a message that comes to a queue has been there before and was sent round by the broker alone: it is not routed there again. */
export function isCycle(message: StoredMessage, queue: string): boolean {
  const before = message.deaths.findIndex((death) => death.queue === queue);
  // A consumer that rejects is taken to know what it does.
  return before >= 0 && message.deaths.slice(0, before + 1).every((death) => death.reason !== 'rejected');
}

function tableOf(death: Death): HeaderValue {
  const { count, reason, queue, time, exchange, routingKeys } = death;
  return Object.freeze({ count, reason, queue, time, exchange, 'routing-keys': Object.freeze([...routingKeys]) });
}

/** The deaths that a client's own `x-death` header claims. */
function claimedDeaths(header: HeaderValue | undefined): readonly Death[] {
  if (!Array.isArray(header)) return [];
  return header.flatMap((entry: HeaderValue) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [];
    const { queue, reason, count, exchange, time, 'routing-keys': keys } = entry as Readonly<Record<string, HeaderValue>>;
    if (typeof queue !== 'string' || typeof reason !== 'string') return [];
    return {
      queue,
      reason,
      count: typeof count === 'number' ? count : 1,
      exchange: typeof exchange === 'string' ? exchange : '',
      routingKeys: Array.isArray(keys) ? keys.map(String) : [],
      time: typeof time === 'number' ? time : 0,
    };
  });
}
