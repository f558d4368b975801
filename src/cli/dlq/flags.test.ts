import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Command } from 'commander';
import type { AgentRef } from '../../api/names.ts';
import { agentRef, atLeastOne, type BrokerFlags, type FilterFlags, filterOf, pace, withBrokerFlags, withFilterFlags } from './flags.ts';

/** What a command of ours makes of these words. */
function parsed(words: readonly string[]): BrokerFlags & FilterFlags {
  const command = new Command('test').exitOverride().configureOutput({ writeErr: () => {} });
  return withFilterFlags(withBrokerFlags(command))
    .parse([...words], { from: 'user' })
    .opts();
}

suite('filter flags', () => {
  const cases: readonly (readonly [words: readonly string[], filter: object])[] = [
    [[], {}],
    [['--reason', 'Refused', '--type', 'a b'], { reason: 'Refused', type: 'a b' }],
    [['--reason', 'PutByHand'], { reason: 'PutByHand' }],
    [['--fingerprint', '0123456789ab'], { fingerprint: '0123456789ab' }],
    [['--older-than', '90s', '--newer-than', '7d'], { olderThanMs: 90_000, newerThanMs: 7 * 86_400_000 }],
    [['--older-than', '15m', '--newer-than', '6h'], { olderThanMs: 900_000, newerThanMs: 6 * 3_600_000 }],
  ];
  for (const [words, filter] of cases) test(words.join(' ') || 'none', () => assert.deepEqual(filterOf(parsed(words)), filter));

  const wrong: readonly (readonly string[])[] = [
    ['--reason', 'Refuse'],
    ['--fingerprint', 'xyz'],
    ['--fingerprint', '0123456789abc'],
    ['--older-than', '1w'],
    ['--older-than', '-1s'],
    ['--newer-than', '1.5h'],
    ['--newer-than', ''],
    ['--prefix', 'E-A'],
  ];
  for (const words of wrong)
    test(`${words.join(' ')} is refused`, () => assert.throws(() => parsed(words), { code: 'commander.invalidArgument' }));
});

suite('an agent', () => {
  test('is NAMESPACE/NAME', () =>
    assert.deepEqual(agentRef('support/pr-reviewer') satisfies AgentRef, { namespace: 'support', name: 'pr-reviewer' }));
  for (const text of [
    '',
    'reviewer',
    'a/',
    '/b',
    'a/b/c',
    'A/b',
    'a/b.c',
    'a/-b',
    'a/b*',
    'a\n/b',
    `${'a'.repeat(64)}/b`,
    `a/${'b'.repeat(41)}`,
  ])
    test(`is not ${text || 'nothing'}`, () => assert.throws(() => agentRef(text), { code: 'commander.invalidArgument' }));
});

test('a pace is the time from one event to the next', () => {
  assert.deepEqual(
    ['10/s', '1/s', '30/m', '1/m'].map((text) => pace(text)),
    [100, 1000, 2000, 60_000],
  );
  for (const text of ['0/s', '10', '10/h', '1.5/s', '/s', '-1/s'])
    assert.throws(() => pace(text), { code: 'commander.invalidArgument' }, text);
});

test('a limit is at least one', () => {
  assert.equal(atLeastOne('12'), 12);
  for (const text of ['0', '-1', '1.5', 'x', '']) assert.throws(() => atLeastOne(text), { code: 'commander.invalidArgument' }, text);
});
