/** A value of a message header: what AMQP 0-9-1 field tables and JSON have in common. */
export type HeaderValue = string | number | boolean | null | readonly HeaderValue[] | { readonly [name: string]: HeaderValue };

/** AMQP 0-9-1 keeps short strings (names, routing keys, message ids, content types) in at most this many bytes. */
export const SHORT_STRING_BYTES = 255;

/** The headers of a message. */
export type Headers = Readonly<Record<string, HeaderValue>>;

/**
 * A message as we publish it: the closed list of properties that may cross the broker. Everything else that a delivery
 * carried (`x-*` headers, CC, BCC, `user_id`, `expiration`, `priority`) stays behind when it is published again.
 */
export interface Message {
  /** The bytes as they came; never parsed and written anew. */
  readonly body: Buffer;
  readonly contentType?: string;
  /** At most 255 bytes (AMQP short string). */
  readonly messageId?: string;
  /** When the event was first published: whole seconds since the Unix epoch, which is what AMQP keeps. */
  readonly timestamp?: number;
  readonly headers: Headers;
}
