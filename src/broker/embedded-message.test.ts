import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Headers } from '../api/message.ts';
import { type DeathReason, deadLetterOf, isCycle, storedMessage } from './embedded-message.ts';
import { type BrokerVersion, profiles } from './embedded-profile.ts';

const published = (headers: Headers = {}, version: BrokerVersion = '4.3') =>
  storedMessage({ exchange: 'x', routingKey: 'k', body: Buffer.from('1'), headers }, profiles[version]);

/** A message that has died in these places, the first first. */
function afterDeaths(
  deaths: readonly (readonly [queue: string, reason: DeathReason])[],
  version: BrokerVersion = '4.3',
  headers: Headers = {},
) {
  return deaths.reduce(
    (message, [queue, reason], index) =>
      deadLetterOf(message, { queue, reason, now: 1000 * index, exchange: 'dlx', routingKey: 'dead', failures: 0 }, profiles[version]),
    published(headers, version),
  );
}

test('a message that the broker alone sends round in a circle is not let in again', () => {
  const cases: readonly (readonly [what: string, deaths: readonly (readonly [string, DeathReason])[], target: string, cycle: boolean])[] = [
    ['never there before', [['a', 'expired']], 'b', false],
    ['back into its own queue', [['a', 'expired']], 'a', true],
    [
      'round two queues',
      [
        ['a', 'expired'],
        ['b', 'delivery_limit'],
      ],
      'a',
      true,
    ],
    [
      'rejected just now',
      [
        ['a', 'expired'],
        ['b', 'rejected'],
      ],
      'a',
      false,
    ],
    [
      'rejected on the way',
      [
        ['a', 'expired'],
        ['b', 'rejected'],
        ['c', 'expired'],
      ],
      'a',
      false,
    ],
    [
      'rejected before it was there',
      [
        ['b', 'rejected'],
        ['a', 'expired'],
        ['c', 'expired'],
      ],
      'a',
      true,
    ],
    [
      'rejected when it was there',
      [
        ['a', 'rejected'],
        ['b', 'expired'],
      ],
      'a',
      false,
    ],
  ];
  for (const [what, deaths, target, cycle] of cases) assert.equal(isCycle(afterDeaths(deaths), target), cycle, what);
});

test('deaths in the same queue for the same reason are counted, and come to the front', () => {
  const { headers } = afterDeaths([
    ['a', 'rejected'],
    ['b', 'expired'],
    ['a', 'rejected'],
    ['a', 'expired'],
  ]);
  const told = headers['x-death'] as readonly Headers[];
  assert.deepEqual(
    told.map(({ queue, reason, count, time, exchange }) => [queue, reason, count, time, exchange]),
    [
      ['a', 'expired', 1, 3, 'dlx'],
      ['a', 'rejected', 2, 0, 'x'],
      ['b', 'expired', 1, 1, 'dlx'],
    ],
  );
});

test('a history that a client has made up is believed on 3.10 alone', () => {
  const headers: Headers = { 'x-death': [{ queue: 'work', reason: 'expired', count: 4 }, 'nonsense', { queue: 1 }] };
  assert.equal(isCycle(afterDeaths([['a', 'expired']], '3.10', headers), 'work'), true);
  for (const version of ['4.0', '4.3'] as const) assert.equal(isCycle(afterDeaths([['a', 'expired']], version, headers), 'work'), false);
  const told = (version: BrokerVersion) => afterDeaths([['a', 'expired']], version, headers).headers;
  assert.equal((told('3.10')['x-death'] as readonly unknown[]).length, 2);
  assert.equal((told('4.0')['x-death'] as readonly unknown[]).length, 1);
  // It had died before, as far as 3.10 knows, so this is not its first death.
  assert.deepEqual([told('3.10')['x-first-death-queue'], told('4.0')['x-first-death-queue']], [undefined, 'a']);
});

test('a message keeps its body and has headers of its own', () => {
  const body = Buffer.from('1');
  const headers = { list: [1, { deep: 'a\ud800' }] };
  const message = storedMessage({ exchange: 'x', routingKey: 'k', body, headers }, profiles['4.3']);
  headers.list.push(2);
  assert.equal(message.body, body);
  assert.deepEqual(message.headers, { list: [1, { deep: 'a\ufffd' }] });
  assert.throws(() => (message.headers.list as unknown[]).push(3), TypeError);
});
