import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { EventAttributes } from '../../api/event.ts';
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
