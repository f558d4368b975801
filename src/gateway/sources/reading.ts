import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { type EventAttributes, HOP_HEADER } from '../../api/event.ts';
import { isJsonObject, type JsonObject } from '../../lib/json-object.ts';

/** What a verified request turned out to be. `contentType` is what the event's message says of its body. */
export type Reading =
  | { readonly kind: 'event'; readonly event: EventAttributes; readonly contentType: string }
  | { readonly kind: 'handshake' }
  | Refusal;

/** A request that holds no event. `error` says what to send instead; it quotes nothing of the body but names. */
export interface Refusal {
  readonly kind: 'refused';
  readonly reason: 'content_type' | 'not_json' | 'bad_event';
  readonly error: string;
}

/** Reads the event out of a verified request. Pure; the body stays as it is. */
export type Source = (headers: IncomingHttpHeaders, body: Buffer) => Reading;

/** A refusal. */
export function refused(reason: Refusal['reason'], error: string): Refusal {
  return { kind: 'refused', reason, error };
}

/** An event may say this much at most in a header of how many agents it has come through; the hop limit is far below. */
const MAX_HOP = 255;

/**
 * The event with the hops that the request's header says, which an agent's output sets, where those are more than the event's own: no body that an agent renders hides a circle.
 * A header that is no whole number from 0 to 255 is none.
 */
export function withHop(event: EventAttributes, headers: IncomingHttpHeaders): EventAttributes {
  const said = headers[HOP_HEADER];
  const hop = typeof said === 'string' && /^\d{1,3}$/.test(said) ? Number(said) : 0;
  return hop <= MAX_HOP && hop > event.hop ? { ...event, hop } : event;
}

/** The media type in a content type, in lower case and without parameters. */
export function mediaType(contentType: string | undefined): string {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Parses a body that must be a JSON object; `undefined` where it is none. */
export function parseObject(body: Buffer): JsonObject | undefined {
  // JSON is UTF-8 (RFC 8259 section 8.1); decoding would replace what is not, and the consumer would see another text than was signed.
  if (!isUtf8(body)) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
