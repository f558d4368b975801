import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routedQueues } from './embedded-routing.ts';
import type { QueueArguments } from './topology.ts';

// The patterns of a topic exchange, and a headers exchange as it is mostly used, are in the conformance suite.

test('arguments that begin with x- count only where the match says so', () => {
  const headers = { 'x-kind': 'order', kind: 'order' };
  const routed = (args: QueueArguments) =>
    routedQueues('headers', [{ source: 'h', queue: 'a', routingKey: '', arguments: args }], { routingKey: '', headers }).length === 1;
  const cases: readonly (readonly [QueueArguments, boolean])[] = [
    [{ 'x-match': 'all', 'x-kind': 'other' }, true],
    [{ 'x-match': 'any', 'x-kind': 'order' }, false],
    [{ 'x-match': 'all-with-x', 'x-kind': 'other' }, false],
    [{ 'x-match': 'all-with-x', 'x-kind': 'order', kind: 'order' }, true],
    [{ 'x-match': 'any-with-x', 'x-kind': 'order', kind: 'other' }, true],
    [{ kind: 'order', missing: 1 }, false],
    [{}, true],
  ];
  for (const [args, expected] of cases) assert.equal(routed(args), expected, JSON.stringify(args));
});

test('a long key against many wildcards is decided at once', () => {
  const binding = { source: 't', queue: 'a', routingKey: '#.a.#.a.#.a.#.a.#.a.#.b' };
  const routingKey = Array.from({ length: 120 }, () => 'a').join('.');
  const before = performance.now();
  assert.deepEqual(routedQueues('topic', [binding], { routingKey, headers: {} }), []);
  assert.ok(performance.now() - before < 15_000);
});
