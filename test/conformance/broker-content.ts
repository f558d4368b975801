import assert from 'node:assert/strict';
import type { Headers, Message } from '../../src/api/message.ts';
import type { BrokerCases } from './broker-suite.ts';
import { EXCHANGE, inboxOf, send } from './broker-world.ts';

const bodies: readonly (readonly [what: string, body: string | Buffer, contentType?: string])[] = [
  ['JSON with odd white space', '{ "a" :\n\t1 ,"b":[ ] }\r\n', 'application/json'],
  ['JSON with an integer beyond 2^53', '{"id": 12345678901234567890, "price": 1.0}', 'application/json'],
  ['JSON that is none', '{"a": ', 'application/json'],
  ['text', 'grüße \u0000 \ud83d\ude00', 'text/plain'],
  ['bytes that are no UTF-8', Buffer.from([0xff, 0x00, 0xc3, 0x28]), 'text/plain'],
  ['a CloudEvents envelope', '{"specversion":"1.0"}', 'application/cloudevents+json; charset=utf-8'],
  ['no content type', '{"a":1}'],
  ['nothing', ''],
  ['nothing, as JSON', '', 'application/json'],
  ['more than one frame', Buffer.alloc(300_000, 'x'), 'application/json'],
];

const headers: Headers = {
  text: 'größe',
  empty: '',
  integer: 42,
  negative: -1,
  byte: 255,
  large: 2 ** 40,
  largest: Number.MAX_SAFE_INTEGER,
  fraction: 0.1,
  tiny: 5e-324,
  yes: true,
  no: false,
  nothing: null,
  list: [1, 'two', null, [true], { three: 3 }],
  emptyList: [],
  table: { a: { b: ['c'] }, d: null },
  emptyTable: {},
  'ce-type': 'github.pull_request',
};

/** That a message arrives as it was sent. */
export const contentCases: BrokerCases = {
  'bodies arrive byte for byte, whatever their type': async ({ channel, queues, drain }) => {
    await queues({ a: {}, b: {} });
    const publisher = await channel();
    const inbox = await inboxOf(await channel(100), 'b');
    for (const [, body, contentType] of bodies) {
      const content = { body: Buffer.from(body), ...(contentType === undefined ? {} : { contentType }) };
      await send(publisher, 'a', 'id', content);
      await send(publisher, 'b', 'id', content);
    }
    const [got, consumed] = [await drain('a'), await inbox.first(bodies.length)];
    for (const [index, [what, body, contentType]] of bodies.entries()) {
      for (const delivery of [got[index], consumed[index]]) {
        assert.ok(Buffer.isBuffer(delivery?.body), what);
        assert.deepEqual([delivery.body.equals(Buffer.from(body)), delivery.contentType], [true, contentType], what);
      }
    }
  },

  'headers of every type arrive as they were, and are a copy': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    const mine = structuredClone(headers) as Record<string, never>;
    const publisher = await channel();
    const sent = send(publisher, 'a', 'id', { headers: mine });
    delete mine.text;
    assert.equal(await sent, 'confirmed');
    const [delivery] = await drain('a');
    const { 'x-delivery-count': _, ...arrived } = delivery?.headers ?? {};
    const { text: __, ...withoutText } = headers;
    // Whether the change came in time is the only thing that is open.
    assert.deepEqual(arrived, 'text' in arrived ? headers : withoutText);
  },

  'properties that are set arrive, and those that are not stay unset': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    const publisher = await channel();
    const whole: Message = {
      body: Buffer.from('1'),
      contentType: 'text/x',
      messageId: 'ä'.repeat(127),
      timestamp: 1_795_000_000,
      headers: { a: 1 },
    };
    await publisher.publish({ exchange: EXCHANGE, routingKey: 'a', ...whole });
    await publisher.publish({ exchange: EXCHANGE, routingKey: 'a', body: Buffer.from('2'), headers: {} });
    const [first, second] = (await drain('a')).map(({ headers: { 'x-delivery-count': _, ...rest }, tag: __, ...delivery }) => ({
      ...delivery,
      headers: rest,
    }));
    assert.deepEqual(first, { ...whole, exchange: EXCHANGE, routingKey: 'a', redelivered: false });
    assert.deepEqual(second, { body: Buffer.from('2'), exchange: EXCHANGE, routingKey: 'a', redelivered: false, headers: {} });
  },

  'what AMQP cannot carry is refused before it is sent, and the channel lives on': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    const publisher = await channel();
    const bad: readonly Partial<Message>[] = [
      { messageId: 'x'.repeat(256) },
      { contentType: 'x'.repeat(256) },
      { headers: { a: Number.NaN } },
      { headers: { a: Number.POSITIVE_INFINITY } },
      { headers: { ['n'.repeat(256)]: 1 } },
      { headers: { a: undefined } as unknown as Headers },
      { headers: { a: { b: [undefined] } } as unknown as Headers },
    ];
    for (const message of bad) await assert.rejects(send(publisher, 'a', 'bad', message), RangeError, JSON.stringify(message));
    assert.equal(await send(publisher, 'a', 'good'), 'confirmed');
    assert.equal((await drain('a')).length, 1);
  },
};
