import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dataOf, type EventAttributes, envelopeOf, messageFor } from './event.ts';
import type { Message } from './message.ts';

const OWN = 'ea.test.agent';
const event: EventAttributes = { id: '1', source: '/s', type: 't', extensions: {}, hop: 0 };
const json = (text: string): Message => ({ body: Buffer.from(text), contentType: 'application/json', headers: {} });

test('attributes and progress come back as they were written', () => {
  const attributes = fc.record(
    {
      id: fc.string({ minLength: 1, maxLength: 300 }),
      source: fc.string({ minLength: 1 }),
      type: fc.string({ minLength: 1 }),
      time: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      subject: fc.string(),
      traceparent: fc.string(),
      hop: fc.nat(),
      extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,10}$/), fc.string(), { noNullPrototype: true }),
    },
    { requiredKeys: ['id', 'source', 'type', 'hop', 'extensions'], noNullPrototype: true },
  );
  const progress = fc.record(
    {
      attempt: fc.integer({ min: 1, max: 10 }),
      gen: fc.nat(),
      notBefore: fc.integer({ min: 0, max: 4e12 }),
      admitted: fc.constant(true),
      tick: fc.constant(true),
      key: fc.constant('f'.repeat(64)),
      expiresAt: fc.integer({ min: 0, max: 4e12 }),
    },
    { requiredKeys: ['attempt', 'gen'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(attributes, progress, fc.integer({ min: 946_684_801, max: 4_102_444_799 }), (written, at, publishedSeconds) => {
      const message = messageFor(written, { body: Buffer.from('{}') }, publishedSeconds * 1000 + 999, at);
      assert.ok(Buffer.byteLength(message.messageId ?? '') <= 255);
      const read = envelopeOf({ ...message, exchange: OWN, routingKey: 'work' }, OWN);
      assert.deepEqual(
        { ...read.attributes, extensions: { ...read.attributes.extensions } },
        { ...written, extensions: { ...written.extensions } },
      );
      assert.deepEqual(read.progress, at);
      assert.equal(read.publishedAt, publishedSeconds * 1000);
    }),
  );
});

test("progress counts only from the agent's own exchange: anybody may write headers elsewhere", () => {
  const message = messageFor(event, { body: Buffer.from('{}') }, 0, {
    attempt: 4,
    gen: 2,
    notBefore: 1e12,
    tick: true,
    expiresAt: 2e12,
    key: 'f'.repeat(64),
    admitted: true,
  });
  assert.deepEqual(envelopeOf({ ...message, exchange: 'support.events', routingKey: 'x' }, OWN).progress, { attempt: 1, gen: 0 });
});

test('a plain AMQP message is named by its message id, its exchange and its routing key', () => {
  const message = { ...json('{}'), messageId: 'm-1', exchange: 'support.events', routingKey: 'ticket.created' };
  const { attributes } = envelopeOf(message, OWN);
  assert.deepEqual([attributes.id, attributes.source, attributes.type], ['m-1', 'amqp:support.events', 'ticket.created']);
});

test('a time that is no time in seconds, and an attribute too long to be sent on, are not there', () => {
  const headers = { 'ce-id': 'x'.repeat(1025), 'ce-note': 'x'.repeat(1025), 'ce-short': 'y', [`ce-${'n'.repeat(200)}`]: 'z' };
  for (const timestamp of [0, 1_767_225_600_000, 1_767_225_600_000_000, -1]) {
    const { attributes, publishedAt } = envelopeOf(
      { ...json('{}'), headers, messageId: 'm', timestamp, exchange: 'x', routingKey: '' },
      OWN,
    );
    assert.deepEqual([publishedAt, attributes.id, attributes.extensions], [undefined, 'm', { short: 'y' }]);
  }
});

test('a content type that AMQP cannot carry is left out', () => {
  assert.equal('contentType' in messageFor(event, { body: Buffer.from(''), contentType: `text/${'x'.repeat(300)}` }, 0), false);
});

test('a message without any id has none: it is not made up', () => {
  assert.equal('id' in envelopeOf({ ...json('{}'), exchange: 'x', routingKey: '' }, OWN).attributes, false);
});

const readable: readonly (readonly [name: string, message: Message, want: unknown])[] = [
  ['JSON', json('{"a":1}'), { a: 1 }],
  ['JSON by suffix, with a charset', { ...json('[1]'), contentType: 'application/vnd.x+json; charset=utf-8' }, [1]],
  ['text', { ...json('{"a":1}'), contentType: 'text/plain' }, '{"a":1}'],
  ['JSON without a content type', { body: Buffer.from('{"a":1}'), headers: {} }, { a: 1 }],
  ['text without a content type', { body: Buffer.from('hello'), headers: {} }, 'hello'],
  ['an envelope with data', { ...json('{"id":"1","data":{"a":1}}'), contentType: 'application/cloudevents+json' }, { a: 1 }],
  ['an envelope without data', { ...json('{"id":"1"}'), contentType: 'application/cloudevents+json' }, null],
  ['an envelope with base64 of JSON', { ...json('{"data_base64":"eyJhIjoxfQ=="}'), contentType: 'application/cloudevents+json' }, { a: 1 }],
];
for (const [name, message, want] of readable) {
  test(`data of ${name}`, () => assert.deepEqual(dataOf(message), want));
}

const unreadable: readonly (readonly [name: string, message: Message])[] = [
  ['JSON that is none', json('{secret')],
  ['an image', { ...json('x'), contentType: 'image/png' }],
  ['an envelope that is a list', { ...json('[]'), contentType: 'application/cloudevents+json' }],
  ['an envelope whose base64 is a number', { ...json('{"data_base64":1}'), contentType: 'application/cloudevents+json' }],
];
for (const [name, message] of unreadable) {
  test(`${name} is refused without quoting it`, () => {
    assert.throws(
      () => dataOf(message),
      (error: Error & { code?: string }) => error.code === 'NotAnEvent' && !error.message.includes('secret'),
    );
  });
}
