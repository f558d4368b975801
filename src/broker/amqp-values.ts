import { isUtf8 } from 'node:buffer';
import { type Headers, type HeaderValue, SHORT_STRING_BYTES } from '../api/message.ts';
import type { Publication } from './port.ts';

/**
 * The headers of a delivery as values that JSON knows. Other clients may send more than that: a byte array becomes text (base64 where it is not UTF-8),
 * a date ISO 8601, a big integer the nearest number, and what is not a finite number its name.
 */
export function headersFrom(table: Readonly<Record<string, unknown>> | undefined): Headers {
  return Object.fromEntries(Object.entries(table ?? {}).map(([name, value]) => [name, headerValueFrom(value)]));
}

function headerValueFrom(value: unknown): HeaderValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value !== 'object') return null;
  if (Buffer.isBuffer(value)) return isUtf8(value) ? value.toString('utf8') : value.toString('base64');
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(headerValueFrom);
  return headersFrom(value as Readonly<Record<string, unknown>>);
}

/**
 * Throws `RangeError` for a publication that AMQP 0-9-1 cannot carry as it is. Sent all the same, it would arrive changed, or the client library would fail
 * to encode it and close the channel with everything else that is under way on it.
 */
export function assertPublishable(publication: Publication): void {
  assertShort('exchange', publication.exchange);
  assertShort('routing key', publication.routingKey);
  assertShort('message id', publication.messageId ?? '');
  assertShort('content type', publication.contentType ?? '');
  assertEncodable('headers', publication.headers);
}

function assertShort(what: string, text: string): void {
  // The client library would cut the rest off without a word. No UTF-16 unit takes more than three bytes of UTF-8: nothing to count in the usual case.
  if (text.length * 3 > SHORT_STRING_BYTES && Buffer.byteLength(text) > SHORT_STRING_BYTES) {
    throw new RangeError(`${what} of ${Buffer.byteLength(text)} bytes: AMQP holds at most ${SHORT_STRING_BYTES}`);
  }
}

function assertEncodable(path: string, value: HeaderValue | undefined): void {
  // The library would leave it out without a word.
  if (value === undefined) throw new RangeError(`${path}: undefined cannot be written as an AMQP field`);
  if (typeof value === 'number') {
    if (!isEncodable(value)) throw new RangeError(`${path}: the number ${value} cannot be written as an AMQP field`);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      assertShort(`name of a field in ${path}`, name);
      assertEncodable(`${path}.${name}`, inner);
    }
  }
}

/** The library writes a number of 2^50 or more as a 64-bit integer and throws where it is not one. */
function isEncodable(value: number): boolean {
  return Number.isFinite(value) && value >= -(2 ** 63) && (Number.isInteger(value) || Math.abs(value) < 2 ** 50);
}
