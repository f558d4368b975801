import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { deadLetterHeaders, deadLetterOf, deadSince, letterIdentity, redrivenMessage } from './dead-letter.ts';
import { type EventAttributes, envelopeOf, messageFor } from './event.ts';
import type { Headers, HeaderValue, Message } from './message.ts';
import { brokerNames } from './names.ts';
import { deadLetterReasons } from './reasons.ts';

const names = brokerNames({ namespace: 'test', name: 'reviewer' });
const KEY = 'f'.repeat(64);
const event: EventAttributes = { id: '1', source: '/s', type: 't', extensions: { region: 'eu' }, hop: 2, traceparent: '00-aa-bb-01' };
const decision = { kind: 'dead', reason: 'Refused', error: 'no', fingerprint: 'abc', attempts: 3, at: 1_767_300_000_000 } as const;

/** A message of the dead-letter queue, as its runner publishes it. */
const written = (headers: Headers = {}, progress = { gen: 1, attempt: 3, key: KEY }) => {
  const message = messageFor(event, { body: Buffer.from('{}'), contentType: 'application/json' }, 1_767_225_600_000, progress);
  const all = { ...message.headers, ...deadLetterHeaders(decision, 1_767_225_600_000), ...headers };
  return { ...message, headers: all, exchange: names.exchange, routingKey: 'dead' };
};

/** An entry as RabbitMQ writes it. */
const death = (more: Readonly<Record<string, HeaderValue>> = {}): HeaderValue => ({
  queue: names.work,
  reason: 'delivery_limit',
  count: 1,
  exchange: names.exchange,
  'routing-keys': ['work'],
  time: '2026-01-02T00:00:00.000Z',
  ...more,
});

suite('a dead letter', () => {
  test('says what was decided: headers come back as they were written', () => {
    const decisions = fc.record({
      kind: fc.constant('dead' as const),
      reason: fc.constantFrom(...(Object.keys(deadLetterReasons) as (keyof typeof deadLetterReasons)[])),
      error: fc.string({ maxLength: 2000, size: 'max' }),
      fingerprint: fc.stringMatching(/^[0-9a-f]{12}$/),
      attempts: fc.integer({ min: 1, max: 10 }),
      at: fc.integer({ min: 0, max: 4e12 }),
    });
    fc.assert(
      fc.property(decisions, fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }), (made, publishedAt) => {
        const { timestamp: _, ...message } = written();
        const headers = { ...messageFor(event, message, 0).headers, ...deadLetterHeaders(made, publishedAt) };
        const { envelope: _event, ...read } = deadLetterOf({ ...message, headers }, names);
        const { kind: _kind, at, error, ...kept } = made;
        const first = publishedAt === undefined ? {} : { firstAt: publishedAt };
        assert.deepEqual(read, { ...kept, error: error.slice(0, 1000), deadAt: at, ...first });
      }),
    );
  });

  test('says where its event came from, and its trace', () => {
    const { attributes, progress } = deadLetterOf(written(), names).envelope;
    assert.deepEqual({ ...attributes, extensions: { ...attributes.extensions } }, event);
    assert.deepEqual(progress, { gen: 1, attempt: 3, key: KEY });
  });

  test('that the broker made of an event of ours says so', () => {
    const fresh = messageFor(event, { body: Buffer.from('{}') }, 1_767_225_600_000, { gen: 0, attempt: 2, key: KEY });
    const letter = deadLetterOf(
      { ...fresh, headers: { ...fresh.headers, 'x-death': [death()] }, exchange: names.exchange, routingKey: 'dead' },
      names,
    );
    assert.equal(letter.reason, 'GivenUpByBroker');
    assert.equal(letter.error, 'RabbitMQ took it out of queue ea.test.reviewer: delivery_limit');
    assert.match(letter.fingerprint, /^[0-9a-f]{12}$/);
    assert.deepEqual([letter.deadAt, letter.firstAt, letter.attempts], [Date.parse('2026-01-02T00:00:00Z'), 1_767_225_600_000, undefined]);
    assert.deepEqual(letter.envelope.progress, { gen: 0, attempt: 2, key: KEY });
  });

  test('that the broker made of an event from an exchange of others is read by how it came: its ea-* headers are not believed', () => {
    const foreign = { exchange: 'support.events', 'routing-keys': ['ticket.created'] };
    const headers = { 'ea-key': KEY, 'ea-gen': 7, 'ea-reason': 'Refused', 'ea-error': 'forged', 'ea-dead-at': '2020-01-01T00:00:00Z' };
    const message = { body: Buffer.from('{}'), messageId: 'm', headers: { ...headers, 'x-death': [death(foreign)] } };
    // The second: moved away and back by somebody.
    for (const exchange of [names.exchange, '']) {
      const { envelope, reason, deadAt } = deadLetterOf({ ...message, exchange, routingKey: 'dead' }, names);
      assert.deepEqual([envelope.attributes.source, envelope.attributes.type], ['amqp:support.events', 'ticket.created']);
      assert.deepEqual(envelope.progress, { gen: 0, attempt: 1 });
      assert.deepEqual([reason, deadAt], ['GivenUpByBroker', Date.parse('2026-01-02T00:00:00Z')]);
    }
  });

  test('that went through a tier before is read by its last way to the work queue', () => {
    const tier = death({ queue: names.tier(1000), reason: 'expired', exchange: 'elsewhere' });
    assert.equal(deadLetterOf(written({ 'ea-reason': 1, 'x-death': [tier, death()] }), names).reason, 'GivenUpByBroker');
    assert.equal(deadLetterOf(written({ 'x-death': [tier] }), names).reason, 'Refused', 'a tier is none of the broker giving up');
  });

  test('that somebody moved away and back is still what it was', () => {
    assert.equal(deadLetterOf({ ...written(), exchange: '', routingKey: names.dead }, names).error, 'no');
    assert.equal(deadLetterOf({ ...written(), exchange: '', routingKey: names.dead }, names).envelope.progress.key, KEY);
  });

  test('that somebody put there is told as that', () => {
    const plain: Message = { body: Buffer.from('x'), headers: {} };
    const byHand = deadLetterOf({ ...plain, exchange: '', routingKey: names.dead }, names);
    assert.deepEqual([byHand.reason, byHand.error], ['PutByHand', 'somebody published it here by the default exchange']);
    assert.deepEqual([deadSince(byHand), letterIdentity(byHand)], [undefined, undefined]);
    const byExchange = deadLetterOf({ ...written(), exchange: 'fan', routingKey: '' }, names);
    assert.deepEqual([byExchange.reason, byExchange.error], ['PutByHand', 'somebody published it here by exchange fan']);
  });
});

test('two messages are one dead letter if key and generation are the same', () => {
  const identity = (gen: number, key = KEY) => letterIdentity(deadLetterOf(written({}, { gen, attempt: 1, key }), names));
  assert.equal(identity(0), identity(0));
  assert.notEqual(identity(0), identity(1));
  assert.notEqual(identity(0), identity(0, 'e'.repeat(64)));
});

test('a redriven event begins anew: attempt 1, published now, no word of its end, nothing else lost', () => {
  const dead = written({ 'ea-tick': true, 'ea-admitted': true, 'ea-not-before': '2030-01-01T00:00:00Z', 'x-death': [], CC: 'x' });
  const letter = deadLetterOf(dead, names);
  const message = redrivenMessage(letter, dead, { gen: 2, key: KEY }, 1_767_400_000_999);
  assert.deepEqual(message, {
    body: Buffer.from('{}'),
    contentType: 'application/json',
    messageId: '1',
    timestamp: 1_767_400_000,
    headers: {
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/s',
      'ce-type': 't',
      'ce-hop': 2,
      'ce-region': 'eu',
      traceparent: '00-aa-bb-01',
      'ea-gen': 2,
      'ea-key': KEY,
      'ea-tick': true,
    },
  });
  const { progress } = envelopeOf({ ...message, exchange: names.exchange, routingKey: 'work' }, names.exchange);
  assert.deepEqual(progress, { gen: 2, attempt: 1, key: KEY, tick: true });
});
