import { Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Channel, Connection } from 'rabbitmq-client';
import { messageOf } from '../lib/errors.ts';

/**
 * What we have to reach into rabbitmq-client for, in one place: bodies as the bytes that came, `basic.reject`, the negotiated frame size, and an end to frames that are none.
 * Each is checked whenever a connection is made or a channel opened, so that a new version of the library that has changed inside fails at once and says so.
 */
interface Internals {
  _onMethod(frame: { readonly methodId: number; readonly params: Readonly<Record<string, unknown>> }): void;
  _onHeader(frame: HeaderFrame): void;
  _onBody(frame: { readonly payload: Buffer }): void;
  _invokeNowait(methodId: number, params: Readonly<Record<string, unknown>>): void;
  readonly _state: { maxFrameSize: number; readonly consumers: Map<string, (message: { readonly body: unknown }) => void> };
  readonly _conn: { readonly _state: { readonly frameMax: number } };
}

interface HeaderFrame {
  readonly bodySize: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Class and method number in one, as the library writes them. AMQP 0-9-1: https://www.rabbitmq.com/amqp-0-9-1-reference */
const BASIC_DELIVER = (60 << 16) | 60;
const BASIC_REJECT = (60 << 16) | 90;

/** Stands in for a missing content encoding on its way through the library; nobody reads it. */
const UNTOUCHED = 'untouched';

const PROBE = { tag: 'eventagent-probe', body: Buffer.from('{"probe": 1.0}') };

/** What answers at a broker's address does not speak AMQP 0-9-1. */
export class NotAmqp extends Error {}

const NOT_AMQP = 'what answers there is not AMQP; correct the address';

/** A frame's type, channel, length and end. */
const FRAME_OVERHEAD_BYTES = 8;

/**
 * Ends a connection of the library's with `NotAmqp` where what came begins a longer frame than it asked the broker for. Left alone, the library asks its socket for as many
 * bytes as it reads out of, say, "HTTP/1.1", and Node throws where nobody can catch it. To be called before the socket is connected; throws where the library has changed
 * inside. Gives whether the library reads through this, which it must have done when it says that it is connected.
 */
export function refuseLongFrames(connection: Connection, maxFrameBytes: number): () => boolean {
  const { _socket: socket } = connection as unknown as { readonly _socket: unknown };
  if (!(socket instanceof Socket)) throw changed('Connection has no _socket');
  const read = socket.read;
  let isUsed = false;
  socket.read = (bytes?: number) => {
    isUsed = true;
    if (bytes === undefined || bytes <= maxFrameBytes + FRAME_OVERHEAD_BYTES) return read.call(socket, bytes);
    socket.destroy(new NotAmqp(NOT_AMQP));
    return null;
  };
  return () => isUsed;
}

/** Why a connection did not come about: `NotAmqp` where the library could make nothing of what came. */
export function connectErrorFrom(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'FRAME_ERROR' || code === 'CODEC' ? new NotAmqp(NOT_AMQP, { cause: error }) : error;
}

/** What the broker says in an error of the library's, which puts the method in front that it objects to, and `undefined` where that is none, as at a login. */
export function brokerWords(error: unknown): string {
  return messageOf(error).replace(/^undefined: /, '');
}

/** The library has changed inside. */
export function changed(what: string): Error {
  return new Error(`rabbitmq-client has changed inside: ${what}; use the version that package-lock.json names`);
}

/**
 * Makes a channel of the library's hand out bodies as `Buffer`s, whatever their content type. Left alone, it parses `application/json` and decodes `text/plain`
 * where no content encoding is set, and the bytes that somebody signed are gone. Must be called before the channel's first delivery, and throws
 * where the library has changed inside.
 */
export async function withRawBodies(channel: Channel): Promise<void> {
  const inside = internalsOf(channel);
  // A channel reckons with the frame size that we asked for; where the broker has granted less, it would take a part of a body for the whole.
  inside._state.maxFrameSize = inside._conn._state.frameMax;
  const onHeader = inside._onHeader;
  inside._onHeader = function (this: Internals, frame) {
    onHeader.call(this, frame.fields.contentEncoding ? frame : { ...frame, fields: { ...frame.fields, contentEncoding: UNTOUCHED } });
  };
  await probe(inside);
}

/** `basic.reject`, which the library can encode and does not offer. */
export function basicReject(channel: Channel, deliveryTag: number, requeue: boolean): void {
  internalsOf(channel)._invokeNowait(BASIC_REJECT, { deliveryTag, requeue });
}

/** Sends a delivery through the library's own decoding, as if it had come from the broker, and looks at what comes out. */
async function probe(inside: Internals): Promise<void> {
  let body: unknown;
  inside._state.consumers.set(PROBE.tag, (message) => {
    body = message.body;
  });
  inside._onMethod({ methodId: BASIC_DELIVER, params: { consumerTag: PROBE.tag } });
  inside._onHeader({ bodySize: PROBE.body.length, fields: { contentType: 'application/json' } });
  inside._onBody({ payload: PROBE.body });
  await immediate();
  inside._state.consumers.delete(PROBE.tag);
  if (!Buffer.isBuffer(body) || !body.equals(PROBE.body)) throw changed('a body no longer passes through it untouched');
}

function internalsOf(channel: Channel): Internals {
  const inside = channel as unknown as Partial<Internals>;
  for (const name of ['_onMethod', '_onHeader', '_onBody', '_invokeNowait'] as const) {
    if (typeof inside[name] !== 'function') throw changed(`Channel has no ${name}`);
  }
  if (typeof inside._state?.maxFrameSize !== 'number' || !(inside._state.consumers instanceof Map))
    throw changed('Channel keeps another state');
  if (typeof inside._conn?._state?.frameMax !== 'number') throw changed('Connection keeps another state');
  return inside as Internals;
}
