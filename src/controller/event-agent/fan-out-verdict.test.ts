import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fanOutVerdict } from './fan-out-verdict.ts';

const reach = { type: 'com.example.*', count: 12, agents: ['a', 'b', 'c', 'd', 'e'] };
const typed = { typePatterns: ['com.#'] };

test('a type that reaches many agents: which, how many, and the first of them', () => {
  const { status, reason, message } = fanOutVerdict(typed, reach, true, 10);
  assert.deepEqual([status, reason], ['True', 'ManyAgents']);
  assert.equal(message, 'an event of type com.example.* reaches 12 agents of the namespace, more than 10: a, b, c and 9 more');
  assert.match(fanOutVerdict(typed, reach, false, 10).message, /reaches at least 12 agents/);
  assert.match(fanOutVerdict(typed, { ...reach, count: 2, agents: ['a', 'b'] }, true, 1).message, /more than 1: a, b$/);
});

test('what reaches few, what takes no events by type, and what nobody knows', () => {
  const told = [
    fanOutVerdict(typed, undefined, true, 10),
    fanOutVerdict({ typePatterns: [] }, undefined, false, 10),
    fanOutVerdict(undefined, undefined, true, 10),
    fanOutVerdict(typed, undefined, false, 10),
  ];
  assert.deepEqual(
    told.map(({ status, reason }) => `${status} ${reason}`),
    ['False FewAgents', 'False NoEventTypes', 'False NoEventTypes', 'Unknown NotObserved'],
  );
});
