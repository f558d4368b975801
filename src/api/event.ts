import { InputError } from '../lib/errors.ts';
import { type Headers, type HeaderValue, type Message, SHORT_STRING_BYTES } from './message.ts';
import { digest } from './names.ts';

/** An event as filters, prompts and outputs see it: CloudEvents 1.0 attributes and the data. */
export interface AgentEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** RFC 3339; when the event happened, as its sender says. */
  readonly time?: string;
  readonly subject?: string;
  /** Further CloudEvents attributes by name, `hop` and `traceparent` excluded. */
  readonly extensions: Readonly<Record<string, string>>;
  /** How many agents the event has come through already. */
  readonly hop: number;
  /** W3C trace context, passed on as it came. */
  readonly traceparent?: string;
  /** Parsed JSON, or a string where the body is text. */
  readonly data: unknown;
}

/** An event's attributes without its data: what the gateway knows and writes into headers. */
export type EventAttributes = Omit<AgentEvent, 'data'>;

/** What our own processes write beside an event. Read only from messages of the agent's own exchange. */
export interface Progress {
  /** The attempt this copy is for, from 1. */
  readonly attempt: number;
  /** How often the event was redriven out of the dead-letter queue. */
  readonly gen: number;
  /** Milliseconds since the epoch; the event must not be run before. */
  readonly notBefore?: number;
  /**
   * Names the event's record: what its idempotency key came to when it first arrived. Every copy of ours carries it, dead letters too, so that the event stays
   * one event when its copy has an id that the sender did not give, or when the agent's key is changed while it waits.
   */
  readonly key?: string;
  /** The filter has let the event through: a copy that we published ourselves is not judged again, even if the filter has changed. */
  readonly admitted?: boolean;
  /** The event is a schedule's, which waits for its record to be final: the record has the default key, and is there for every outcome. */
  readonly tick?: boolean;
  /** Milliseconds since the epoch; an event that nobody has taken by then is not run any more. */
  readonly expiresAt?: number;
}

/** The progress of an event that was never touched. */
export const FRESH: Progress = { attempt: 1, gen: 0 };

/** The media type of an event whose body is the CloudEvents envelope, data included. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md */
export const STRUCTURED = 'application/cloudevents+json';

/** A header value of ours may be this long: attributes travel in one frame with all other headers (frame size 128 KiB, at least 4 KiB). */
export const MAX_ATTRIBUTE_BYTES = 1024;

/** As many attributes beyond those of CloudEvents itself travel with an event: all headers of a message share one AMQP frame of at most 128 KiB. */
export const MAX_EXTENSIONS = 32;

/** A longer name of a header is none of CloudEvents (which asks for 20 characters at most). */
const MAX_EXTENSION_NAME = 128;

const attribute = { id: 'ce-id', source: 'ce-source', type: 'ce-type', time: 'ce-time', subject: 'ce-subject' } as const;
/** The header, of a message and of a request that an event causes, that says how many agents it has come through. */
export const HOP_HEADER = 'ce-hop';
const KEY = /^[0-9a-f]{64}$/;
const OWN = new Set<string>([...Object.values(attribute), HOP_HEADER, 'ce-specversion']);

/** The message that carries an event: the body untouched, the attributes as headers, the id as message id. `publishedAt` in milliseconds. */
export function messageFor(
  event: Envelope['attributes'],
  content: { readonly body: Buffer; readonly contentType?: string },
  publishedAt: number,
  progress: Progress = FRESH,
): Message {
  return {
    body: content.body,
    ...(isShortString(content.contentType) ? { contentType: content.contentType } : {}),
    ...(event.id === undefined ? {} : { messageId: isShortString(event.id) ? event.id : digest(event.id) }),
    timestamp: Math.floor(publishedAt / 1000),
    headers: { ...attributeHeaders(event), ...progressHeaders(progress) },
  };
}

function isShortString(text: string | undefined): text is string {
  return text !== undefined && Buffer.byteLength(text) <= SHORT_STRING_BYTES;
}

/** An event's attributes as headers. */
function attributeHeaders(event: Envelope['attributes']): Headers {
  const headers: Record<string, HeaderValue> = {
    'ce-specversion': '1.0',
    ...(event.id === undefined ? {} : { [attribute.id]: event.id }),
    [attribute.source]: event.source,
    [attribute.type]: event.type,
    [HOP_HEADER]: event.hop,
  };
  if (event.time !== undefined) headers[attribute.time] = event.time;
  if (event.subject !== undefined) headers[attribute.subject] = event.subject;
  if (event.traceparent !== undefined) headers.traceparent = event.traceparent;
  for (const [name, value] of Object.entries(event.extensions)) headers[`ce-${name}`] = value;
  return headers;
}

/** Progress as headers; what is at its first value is left out. */
function progressHeaders(progress: Progress): Headers {
  return {
    ...(progress.attempt === 1 ? {} : { 'ea-attempt': progress.attempt }),
    ...(progress.gen === 0 ? {} : { 'ea-gen': progress.gen }),
    ...(progress.notBefore === undefined ? {} : { 'ea-not-before': new Date(progress.notBefore).toISOString() }),
    ...(progress.key === undefined ? {} : { 'ea-key': progress.key }),
    ...(progress.admitted === true ? { 'ea-admitted': true } : {}),
    ...(progress.tick === true ? { 'ea-tick': true } : {}),
    ...(progress.expiresAt === undefined ? {} : { 'ea-expires-at': new Date(progress.expiresAt).toISOString() }),
  };
}

/** What a message says of itself before anybody looks into its body. `id` is missing where the message names none. */
export interface Envelope {
  readonly attributes: Omit<EventAttributes, 'id'> & { readonly id?: string };
  readonly progress: Progress;
  /** When the event was first published, in milliseconds. */
  readonly publishedAt: number | undefined;
}

/**
 * Reads the headers of a delivery. Attributes that are missing come from what AMQP knows: `message_id`, the exchange, the routing key.
 * `ea-*` headers count only where the delivery came by the agent's own exchange; anybody may write them elsewhere.
 */
export function envelopeOf(message: Message & { readonly exchange: string; readonly routingKey: string }, ownExchange: string): Envelope {
  const { headers } = message;
  const own = message.exchange === ownExchange;
  const id = textOf(headers[attribute.id]) ?? message.messageId;
  const time = textOf(headers[attribute.time]);
  const subject = textOf(headers[attribute.subject]);
  const traceparent = textOf(headers.traceparent);
  const extensions: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = name.startsWith('ce-') && name.length <= MAX_EXTENSION_NAME && !OWN.has(name) ? textOf(value) : undefined;
    if (text !== undefined && Object.keys(extensions).length < MAX_EXTENSIONS) extensions[name.slice(3)] = text;
  }
  return {
    attributes: {
      ...(id === undefined || id === '' ? {} : { id }),
      source: textOf(headers[attribute.source]) ?? `amqp:${message.exchange}`,
      type: textOf(headers[attribute.type]) ?? (message.routingKey || 'message'),
      ...(time === undefined ? {} : { time }),
      ...(subject === undefined ? {} : { subject }),
      ...(traceparent === undefined ? {} : { traceparent }),
      extensions,
      hop: countOf(headers[HOP_HEADER], 0) ?? 0,
    },
    progress: own ? progressOf(headers) : FRESH,
    publishedAt: isPlausible(message.timestamp) ? message.timestamp * 1000 : undefined,
  };
}

function progressOf(headers: Headers): Progress {
  const notBefore = Date.parse(textOf(headers['ea-not-before']) ?? '');
  const expiresAt = Date.parse(textOf(headers['ea-expires-at']) ?? '');
  const key = textOf(headers['ea-key']);
  return {
    attempt: countOf(headers['ea-attempt'], 1) ?? 1,
    gen: countOf(headers['ea-gen'], 0) ?? 0,
    ...(Number.isNaN(notBefore) ? {} : { notBefore }),
    ...(key !== undefined && KEY.test(key) ? { key } : {}),
    ...(headers['ea-admitted'] === true ? { admitted: true } : {}),
    ...(headers['ea-tick'] === true ? { tick: true } : {}),
    ...(Number.isNaN(expiresAt) ? {} : { expiresAt }),
  };
}

/** Between the years 2000 and 2100: senders also write milliseconds, microseconds and zero into a field that holds seconds. */
function isPlausible(seconds: number | undefined): seconds is number {
  return seconds !== undefined && seconds > 946_684_800 && seconds < 4_102_444_800;
}

/** A header as an attribute. What is too long to be sent on beside all the others is none. */
function textOf(value: HeaderValue | undefined): string | undefined {
  if (typeof value === 'string') return Buffer.byteLength(value) <= MAX_ATTRIBUTE_BYTES ? value : undefined;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function countOf(value: HeaderValue | undefined, least: number): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= least ? number : undefined;
}

/**
 * The data of an event from the message's body: JSON parsed, text as a string, a CloudEvents envelope's `data`.
 * Throws `InputError` (`NotAnEvent`); its message never quotes the body.
 */
export function dataOf(message: Message): unknown {
  const mediaType = message.contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mediaType === STRUCTURED) return structuredData(parseJson(message.body, 'the CloudEvents envelope'));
  if (mediaType === 'application/json' || mediaType.endsWith('+json')) return parseJson(message.body, 'the body');
  if (mediaType.startsWith('text/')) return message.body.toString('utf8');
  if (mediaType === '') {
    try {
      return JSON.parse(message.body.toString('utf8'));
    } catch {
      return message.body.toString('utf8');
    }
  }
  throw new InputError(
    'NotAnEvent',
    `content type ${mediaType.slice(0, 80)}: an event's body is JSON or text; set the sender's content type`,
  );
}

function structuredData(envelope: unknown): unknown {
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope))
    throw new InputError('NotAnEvent', 'the CloudEvents envelope is not an object');
  if ('data' in envelope) return envelope.data;
  if (!('data_base64' in envelope)) return null;
  if (typeof envelope.data_base64 !== 'string')
    throw new InputError('NotAnEvent', 'data_base64 of the CloudEvents envelope is not a string');
  const bytes = Buffer.from(envelope.data_base64, 'base64');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return bytes.toString('utf8');
  }
}

function parseJson(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new InputError('NotAnEvent', `${what} is not JSON, although its content type says so`, { cause });
  }
}

/** The default idempotency key: an event is the same event if source and id are the same. */
export function defaultIdempotencyKey(event: Pick<AgentEvent, 'source' | 'id'>): string {
  return digest(event.source, event.id);
}
