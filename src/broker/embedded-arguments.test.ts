import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueSettings } from './embedded-arguments.ts';
import { profiles } from './embedded-profile.ts';
import { BrokerError } from './port.ts';
import type { QueueArguments } from './topology.ts';

const quorum = { 'x-queue-type': 'quorum' };
const read = (args: QueueArguments, version: keyof typeof profiles = '4.3') =>
  queueSettings('q', { ...quorum, ...args }, profiles[version]);

test('a queue has the limits of its version where it states none', () => {
  assert.deepEqual([read({}, '3.10').deliveryLimit, read({}, '4.0').deliveryLimit, read({}).deliveryLimit], [undefined, 20, 20]);
  assert.deepEqual(
    [read({ 'x-delivery-limit': -1 }, '3.10').deliveryLimit, read({ 'x-delivery-limit': -1 }).deliveryLimit],
    [-1, undefined],
  );
});

test('at least once needs reject-publish, and is at most once without, as RabbitMQ does it', () => {
  const target = { 'x-dead-letter-exchange': 'x', 'x-dead-letter-strategy': 'at-least-once' };
  assert.equal(read(target).deadLetter?.strategy, 'at-most-once');
  assert.equal(read({ ...target, 'x-overflow': 'reject-publish' }).deadLetter?.strategy, 'at-least-once');
});

test('what RabbitMQ refuses is refused, and what it would heed and this broker does not', () => {
  const bad: Readonly<Record<string, QueueArguments>> = {
    'a classic queue': { 'x-queue-type': 'classic' },
    'a text for a number': { 'x-message-ttl': '5' },
    'a fraction': { 'x-message-ttl': 0.5 },
    'a negative TTL': { 'x-message-ttl': -1 },
    'a negative length': { 'x-max-length': -1 },
    'an unknown overflow': { 'x-overflow': 'reject-publish-dlx' },
    'an unknown strategy': { 'x-dead-letter-exchange': 'x', 'x-dead-letter-strategy': 'exactly-once' },
    'a dead-letter key without exchange': { 'x-dead-letter-routing-key': 'k' },
    'the default exchange': { 'x-dead-letter-exchange': '' },
    'an expiry of the queue': { 'x-expires': 1000 },
    'a single active consumer': { 'x-single-active-consumer': true },
  };
  for (const [what, args] of Object.entries(bad)) {
    assert.throws(
      () => read(args),
      (error: unknown) => error instanceof BrokerError && error.code === 'ManagementFailed',
      what,
    );
  }
  assert.throws(() => queueSettings('q', {}, profiles['4.3']), /quorum queues only/);
});
