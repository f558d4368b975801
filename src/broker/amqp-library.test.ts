import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import type { Channel, Connection } from 'rabbitmq-client';
import { refuseLongFrames, withRawBodies } from './amqp-library.ts';

/** The part of the library's channel that we reach into, decoding bodies as the library does; `changes` is what another version of it might do. */
function channelLike(changes: Readonly<Record<string, unknown>> = {}): Channel {
  const consumers = new Map<string, (message: { readonly body: unknown }) => void>();
  let header: { readonly fields: { readonly contentType?: string; readonly contentEncoding?: string } } = { fields: {} };
  const channel = {
    _state: { maxFrameSize: 131_072, consumers },
    _conn: { _state: { frameMax: 4096 } },
    _invokeNowait() {},
    _onMethod() {},
    _onHeader(frame: typeof header) {
      header = frame;
    },
    _onBody({ payload }: { readonly payload: Buffer }) {
      const { contentType, contentEncoding } = header.fields;
      const body: unknown = contentType === 'application/json' && !contentEncoding ? JSON.parse(payload.toString()) : payload;
      setImmediate(() => consumers.get('eventagent-probe')?.({ body }));
    },
    ...changes,
  };
  return channel as unknown as Channel;
}

test('a channel of the library as it is passes bodies through, reckons with the granted frame size, and keeps no trace of the probe', async () => {
  const channel = channelLike();
  await withRawBodies(channel);
  const state = (channel as unknown as { readonly _state: { readonly maxFrameSize: number; readonly consumers: Map<string, unknown> } })
    ._state;
  assert.equal(state.maxFrameSize, 4096);
  assert.equal(state.consumers.size, 0);
});

const changed: readonly { readonly name: string; readonly changes: Readonly<Record<string, unknown>>; readonly message: RegExp }[] = [
  { name: 'has renamed a method', changes: { _onHeader: undefined }, message: /Channel has no _onHeader/ },
  { name: 'can no longer send by number', changes: { _invokeNowait: undefined }, message: /Channel has no _invokeNowait/ },
  { name: 'keeps its consumers elsewhere', changes: { _state: { maxFrameSize: 1 } }, message: /Channel keeps another state/ },
  { name: 'keeps the granted frame size elsewhere', changes: { _conn: {} }, message: /Connection keeps another state/ },
  {
    name: 'decodes bodies although an encoding is set',
    changes: {
      _onBody(this: { readonly _state: { readonly consumers: Map<string, (message: unknown) => void> } }) {
        setImmediate(() => this._state.consumers.get('eventagent-probe')?.({ body: { probe: 1 } }));
      },
    },
    message: /a body no longer passes through it untouched/,
  },
  { name: 'hands out deliveries in another way', changes: { _onBody() {} }, message: /a body no longer passes through it untouched/ },
];

for (const { name, changes, message } of changed) {
  test(`opening a channel fails at once where the library ${name}`, async () => {
    await assert.rejects(withRawBodies(channelLike(changes)), { message });
  });
}

test('connecting fails at once where the library keeps its socket elsewhere', () =>
  assert.throws(() => refuseLongFrames({} as unknown as Connection, 1), { message: /Connection has no _socket/ }));

test('that the library reads its socket in another way is noticed', () => {
  const socket = new Socket();
  const isUsed = refuseLongFrames({ _socket: socket } as unknown as Connection, 1);
  assert.equal(isUsed(), false);
  socket.read(1);
  assert.equal(isUsed(), true);
  socket.destroy();
});
