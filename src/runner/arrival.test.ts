import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../test/support/agent.ts';
import type { Headers } from '../api/message.ts';
import type { Delivery } from '../broker/port.ts';
import { runnerConfigurationFor } from '../compile/runner-configuration.ts';
import { arrivalOf } from './arrival.ts';
import { programOf } from './program.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

interface Arriving {
  readonly body?: string;
  readonly contentType?: string;
  readonly headers?: Headers;
  readonly messageId?: string;
  readonly exchange?: string;
  readonly filter?: string;
  readonly key?: string;
}

function arrive(arriving: Arriving) {
  const {
    filter,
    key,
    body = '{"n": 5}',
    contentType = 'application/json',
    headers = { 'ce-id': 'e-1', 'ce-source': '/s', 'ce-type': 't' },
  } = arriving;
  const agent = eventAgent({ ...(filter === undefined ? {} : { filter }), ...(key === undefined ? {} : { idempotency: { key } }) });
  const delivery: Delivery = {
    body: Buffer.from(body),
    contentType,
    headers,
    exchange: arriving.exchange ?? 'ea.test.agent',
    routingKey: 'work',
    redelivered: false,
    tag: 1,
    ...(arriving.messageId === undefined ? {} : { messageId: arriving.messageId }),
  };
  return arrivalOf(delivery, programOf(runnerConfigurationFor(agent, 'ea')), NOW);
}

const endings: readonly (readonly [name: string, arriving: Arriving, want: string])[] = [
  ['an event without a filter runs', {}, 'run'],
  ['an event that the filter wants runs', { filter: 'event.data.n > 4' }, 'run'],
  ['an event that the filter does not want is filtered', { filter: 'event.data.n > 5' }, 'filtered'],
  ['a filter that throws is a failure, never "no match"', { filter: 'event.data.missing > 5' }, 'permanent/FilterError'],
  ['a copy of ours was admitted when it came first', { filter: 'event.data.n > 5', headers: { 'ce-id': 'e', 'ea-admitted': true } }, 'run'],
  [
    'a foreign message does not admit itself',
    { exchange: 'x', filter: 'event.data.n > 5', headers: { 'ce-id': 'e', 'ea-admitted': true } },
    'filtered',
  ],
  ['an event that is put off waits', { headers: { 'ce-id': 'e', 'ea-not-before': '2026-01-01T00:01:00.000Z' } }, 'wait/NotDue'],
  ['an event whose time has come runs', { headers: { 'ce-id': 'e', 'ea-not-before': '2025-12-31T23:59:59.000Z' } }, 'run'],
  [
    'a header of ours from a foreign exchange means nothing',
    { exchange: 'x', headers: { 'ce-id': 'e', 'ea-not-before': '2026-01-01T00:01:00.000Z' } },
    'run',
  ],
  ['eight hops are allowed', { headers: { 'ce-id': 'e', 'ce-hop': 8 } }, 'run'],
  ['nine hops are a circle', { headers: { 'ce-id': 'e', 'ce-hop': 9 } }, 'permanent/HopLimit'],
  ['a body that is not what it says cannot be run', { body: '{oops' }, 'permanent/UnreadableBody'],
  ['a message without any id cannot be run', { headers: {} }, 'permanent/NoEventId'],
  ['a message without an id whose body is unreadable lacks the id first of all', { headers: {}, body: '{oops' }, 'permanent/NoEventId'],
  ['a key of the agent stands in for an id', { headers: {}, key: 'string(event.data.n)' }, 'run'],
  ['an empty key does not', { headers: {}, key: '""' }, 'permanent/NoEventId'],
  ['a key that cannot be evaluated is a failure', { key: 'event.data.missing' }, 'permanent/KeyError'],
];
for (const [name, arriving, want] of endings) {
  test(`arrival: ${name}`, () => {
    const { next } = arrive(arriving);
    const got = 'event' in next ? 'run' : [next.outcome.kind, ...('reason' in next.outcome ? [next.outcome.reason] : [])].join('/');
    assert.equal(got, want);
  });
}

test('the same id of two sources is two events, and a key of the agent can make them one', () => {
  const from = (source: string, key?: string) =>
    arrive({ headers: { 'ce-id': 'e', 'ce-source': source }, ...(key === undefined ? {} : { key }) }).eventKey;
  assert.notEqual(from('/a'), from('/b'));
  assert.equal(from('/a', 'event.id'), from('/b', 'event.id'));
});

test('a tick is known by source and id alone, so that it can be waited for, unless it only says that it is one', () => {
  const headers = { 'ce-id': 'e', 'ce-source': '/s', 'ea-tick': true };
  const plain = arrive({ headers: { 'ce-id': 'e', 'ce-source': '/s' } }).eventKey;
  assert.equal(arrive({ headers, key: '"another"' }).eventKey, plain);
  assert.equal(arrive({ headers, key: 'event.data.missing' }).eventKey, plain);
  assert.notEqual(arrive({ headers, key: '"another"', exchange: 'x' }).eventKey, plain);
});

test('a copy of ours is told by the key that it carries, and a foreign message is not', () => {
  const key = 'a'.repeat(64);
  const headers = { 'ce-id': 'e', 'ea-key': key };
  for (const own of [undefined, 'event.id', 'event.data.missing'])
    assert.equal(arrive({ headers, ...(own === undefined ? {} : { key: own }) }).eventKey, key);
  assert.notEqual(arrive({ headers, exchange: 'x' }).eventKey, key);
  assert.notEqual(arrive({ headers: { ...headers, 'ea-key': '../other' } }).eventKey, '../other');
});

test('the copies of an event say its key, and that it was let through only where it was', () => {
  const of = (arriving: Arriving) => arrive(arriving).envelope.progress;
  const { eventKey } = arrive({});
  assert.deepEqual(of({}), { attempt: 1, gen: 0, key: eventKey, admitted: true });
  assert.deepEqual(of({ filter: 'event.data.n > 4' }).admitted, true);
  for (const filter of ['event.data.n > 5', 'event.data.missing > 5']) assert.equal(of({ filter }).admitted, undefined);
  assert.equal(of({ body: '{oops' }).admitted, undefined);
  assert.equal(of({ headers: { 'ce-id': 'e', 'ea-not-before': '2026-01-01T00:01:00.000Z', 'ea-admitted': true } }).admitted, true);
});

test('an event that has its key for an id carries it on', () => {
  const { envelope, eventKey } = arrive({ headers: {}, key: 'string(event.data.n)' });
  assert.equal(envelope.attributes.id, eventKey);
});
