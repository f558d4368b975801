import type { IncomingHttpHeaders } from 'node:http';
import { type EventAttributes, MAX_ATTRIBUTE_BYTES, MAX_EXTENSIONS, STRUCTURED } from '../../api/event.ts';
import { SHORT_STRING_BYTES } from '../../api/message.ts';
import { InputError } from '../../lib/errors.ts';
import { mediaType, parseObject, type Reading, refused } from './reading.ts';

/** A CloudEvents envelope in JSON. A null attribute is an unset one: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#21-type-system-mapping */
type Envelope = Readonly<Record<string, unknown>>;

/** Members of the envelope that are no extensions. `datacontenttype` and `dataschema` have no field of their own and travel like extensions. */
const KNOWN = new Set(['specversion', 'id', 'source', 'type', 'time', 'subject', 'data', 'data_base64', 'hop', 'traceparent']);

/** Lower-case letters and digits: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#attribute-naming-convention (which advises 20 at most). */
const EXTENSION_NAME = /^[a-z0-9]{1,64}$/;

/** RFC 3339 section 5.6. */
const TIMESTAMP =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a CloudEvents string must not hold: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system */
const CONTROL = /\p{Cc}/u;

/**
 * Reads an event in structured mode; the message's body is the envelope as it came.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#32-structured-content-mode
 */
export function readCloudEvent(headers: IncomingHttpHeaders, body: Buffer): Reading {
  if (mediaType(headers['content-type']) !== STRUCTURED)
    return refused('content_type', `send one CloudEvents 1.0 event a request, in structured mode, with the content type ${STRUCTURED}`);
  const envelope = parseObject(body);
  if (envelope === undefined) return refused('not_json', 'the CloudEvents envelope is not a JSON object in UTF-8');
  try {
    return { kind: 'event', event: parseAttributes(envelope), contentType: STRUCTURED };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return refused('bad_event', `the CloudEvents attribute ${error.path}: ${error.message}`);
  }
}

/** Throws `InputError` (`NotAnEvent`) with the attribute as its path. */
function parseAttributes(envelope: Envelope): EventAttributes {
  if (envelope.specversion !== '1.0') throw invalid('specversion', 'must be "1.0"');
  if (isSet(envelope, 'data_base64') && (typeof envelope.data_base64 !== 'string' || 'data' in envelope))
    throw invalid('data_base64', 'must be a string, and there must be no data beside it');
  const source = parseText(envelope, 'source');
  if (source.includes(' ')) throw invalid('source', 'must be a URI reference');
  const { time, traceparent, hop = 0 } = envelope;
  if (isSet(envelope, 'time') && !(typeof time === 'string' && TIMESTAMP.test(time)))
    throw invalid('time', 'must be a time as in RFC 3339, e.g. 2026-01-31T07:00:00Z');
  return {
    id: parseText(envelope, 'id'),
    source,
    type: parseText(envelope, 'type', SHORT_STRING_BYTES),
    ...(typeof time === 'string' ? { time } : {}),
    ...(isSet(envelope, 'subject') ? { subject: parseText(envelope, 'subject') } : {}),
    // A trace context that cannot be parsed is left out, and a new trace begins: the W3C text asks not to fail for it.
    ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
    extensions: parseExtensions(envelope),
    hop: parseHop(hop ?? 0),
  };
}

function isSet(envelope: Envelope, name: string): boolean {
  return envelope[name] !== undefined && envelope[name] !== null;
}

function parseText(envelope: Envelope, name: string, maxBytes = MAX_ATTRIBUTE_BYTES): string {
  const value = envelope[name];
  // A lone surrogate has no bytes of its own: two different ids would become one.
  if (typeof value === 'string' && value !== '' && value.isWellFormed() && !CONTROL.test(value) && Buffer.byteLength(value) <= maxBytes)
    return value;
  throw invalid(name, `must be a string of 1 to ${maxBytes} bytes without control characters`);
}

/** How many agents the event came through; a number, or the same in digits, since CloudEvents knows both. */
function parseHop(value: unknown): number {
  const hop = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof hop === 'number' && Number.isSafeInteger(hop) && hop >= 0) return hop;
  throw invalid('hop', 'must be a whole number from 0');
}

function parseExtensions(envelope: Envelope): Readonly<Record<string, string>> {
  const extensions: Record<string, string> = {};
  let count = 0;
  for (const name of Object.keys(envelope)) {
    if (KNOWN.has(name) || !isSet(envelope, name)) continue;
    count += 1;
    if (count > MAX_EXTENSIONS) throw invalid('extensions', `there may be ${MAX_EXTENSIONS} at most; further values belong into data`);
    if (!EXTENSION_NAME.test(name)) throw invalid('extensions', 'names consist of 1 to 64 lower-case letters and digits');
    const value = envelope[name];
    extensions[name] = typeof value === 'number' || typeof value === 'boolean' ? String(value) : parseText(envelope, name);
  }
  return extensions;
}

function invalid(attribute: string, message: string): InputError {
  return new InputError('NotAnEvent', message, { path: attribute });
}
