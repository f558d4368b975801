import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventRecord } from '../api/record.ts';
import { type Copy, takeDecision } from './take.ts';

const NOW = 1_000_000;
const event = { id: 'event-1', type: 'test' };
const turn = {
  requestDigest: 'd',
  text: 'answer',
  model: 'm',
  usage: { input: 1, output: 1, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
};
const request = { method: 'POST', url: 'http://sink/', headers: {}, body: '' };
const retry = { kind: 'retry', delayMs: 10_000, attempt: 3 } as const;

function record(change: Partial<EventRecord>): EventRecord {
  return { gen: 0, attempt: 2, phase: 'running', fence: 'old', starts: 1, startedAt: 5, outputs: {}, ...change };
}

const live = NOW + 1;
const over = NOW - 1;

const cases: readonly [name: string, stored: { record: Partial<EventRecord>; leaseUntil: number } | undefined, copy: Copy, want: object][] =
  [
    ['nothing is known of it: run', undefined, { gen: 0, attempt: 1 }, { do: 'run', alone: false, starts: 1 }],
    [
      'the record was lost, the copy is a later attempt: run as that attempt',
      undefined,
      { gen: 1, attempt: 3 },
      { do: 'run', alone: false, starts: 1 },
    ],
    [
      'it was redriven since: drop the old copy',
      { record: { gen: 1, phase: 'parked' }, leaseUntil: 0 },
      { gen: 0, attempt: 4 },
      { do: 'drop' },
    ],
    ['it is done', { record: { phase: 'done' }, leaseUntil: 0 }, { gen: 0, attempt: 2 }, { do: 'drop' }],
    ['it is done, and a later attempt arrives', { record: { phase: 'done' }, leaseUntil: 0 }, { gen: 0, attempt: 3 }, { do: 'drop' }],
    ['it is a dead letter', { record: { phase: 'dead' }, leaseUntil: 0 }, { gen: 0, attempt: 2 }, { do: 'drop' }],
    ['a higher attempt is on its way', { record: { phase: 'parked', attempt: 3 }, leaseUntil: 0 }, { gen: 0, attempt: 2 }, { do: 'drop' }],
    ['somebody runs it', { record: {}, leaseUntil: live }, { gen: 0, attempt: 2 }, { do: 'wait' }],
    ['somebody settles it', { record: { phase: 'decided', decision: retry }, leaseUntil: live }, { gen: 0, attempt: 2 }, { do: 'wait' }],
    ['somebody runs an earlier attempt still', { record: { attempt: 1 }, leaseUntil: live }, { gen: 0, attempt: 2 }, { do: 'wait' }],
    [
      'its settling was cut off: repeat only that',
      { record: { phase: 'decided', decision: retry }, leaseUntil: over },
      { gen: 0, attempt: 2 },
      { do: 'repeat', decision: retry },
    ],
    [
      'the published copy arrives before its mark: run it',
      { record: { phase: 'decided', decision: retry, starts: 2 }, leaseUntil: over },
      { gen: 0, attempt: 3 },
      { do: 'run', alone: false, starts: 1 },
    ],
    ['its process died: run alone', { record: {}, leaseUntil: over }, { gen: 0, attempt: 2 }, { do: 'run', alone: true, starts: 2 }],
    [
      'its process died a fifth time',
      { record: { starts: 5 }, leaseUntil: over },
      { gen: 0, attempt: 2 },
      { do: 'run', alone: true, starts: 6 },
    ],
    [
      'it was handed back',
      { record: { phase: 'parked', starts: 0 }, leaseUntil: 0 },
      { gen: 0, attempt: 2 },
      { do: 'run', alone: false, starts: 1 },
    ],
    [
      'a dead letter was redriven',
      { record: { phase: 'dead', starts: 4 }, leaseUntil: 0 },
      { gen: 1, attempt: 1 },
      { do: 'run', alone: false, starts: 1 },
    ],
    ['its time is over, and nobody has taken it: expire', undefined, { gen: 0, attempt: 1, expiresAt: NOW }, { do: 'expire', starts: 0 }],
    ['its time is not yet over: run', undefined, { gen: 0, attempt: 1, expiresAt: NOW + 1 }, { do: 'run', alone: false, starts: 1 }],
    [
      'the record of an earlier attempt was lost: that it was begun is known by the copy',
      undefined,
      { gen: 0, attempt: 2, expiresAt: over },
      { do: 'run', alone: false, starts: 1 },
    ],
    [
      'somebody redrove it after its time: that is meant',
      undefined,
      { gen: 1, attempt: 1, expiresAt: over },
      { do: 'run', alone: false, starts: 1 },
    ],
    [
      'it was begun in time, and goes on after it',
      { record: { attempt: 1, phase: 'parked' }, leaseUntil: 0 },
      { gen: 0, attempt: 1, expiresAt: over },
      { do: 'run', alone: false, starts: 1 },
    ],
    [
      'it was begun in time, and its process died',
      { record: { attempt: 1 }, leaseUntil: over },
      { gen: 0, attempt: 1, expiresAt: over },
      { do: 'run', alone: true, starts: 2 },
    ],
    [
      'it has expired, and another copy arrives',
      { record: { attempt: 1, phase: 'done' }, leaseUntil: 0 },
      { gen: 0, attempt: 1, expiresAt: over },
      { do: 'drop' },
    ],
  ];

for (const [name, stored, copy, want] of cases) {
  test(`taking: ${name}`, () => {
    const decision = takeDecision(
      stored && { record: record(stored.record), version: 7, leaseUntil: stored.leaseUntil },
      copy,
      event,
      'new',
      NOW,
    );
    const { next, ...rest } = 'next' in decision ? decision : { ...decision, next: undefined };
    assert.deepEqual(next === undefined || decision.do === 'repeat' ? rest : { ...rest, starts: next.starts }, want);
    if (next !== undefined) assert.equal(next.fence, 'new');
    if (decision.do === 'run')
      assert.deepEqual([decision.next.gen, decision.next.attempt, decision.next.phase], [copy.gen, copy.attempt, 'running']);
  });
}

test('a resumed run keeps the answer and the outputs, open intents included', () => {
  const outputs = { a: { request, state: 'done' }, b: { request, state: 'intent' } } as const;
  const decision = takeDecision(
    { record: record({ turn, outputs }), version: 1, leaseUntil: over },
    { gen: 0, attempt: 2 },
    event,
    'new',
    NOW,
  );
  assert.ok(decision.do === 'run');
  assert.deepEqual([decision.next.turn, decision.next.outputs], [turn, outputs]);
});

test('a redriven event keeps the answer and what was delivered, and sends open intents anew', () => {
  const outputs = { a: { request, state: 'done' }, b: { request, state: 'intent' } } as const;
  const decision = takeDecision(
    { record: record({ phase: 'dead', turn, outputs }), version: 1, leaseUntil: 0 },
    { gen: 1, attempt: 1 },
    event,
    'new',
    NOW,
  );
  assert.ok(decision.do === 'run');
  assert.deepEqual([decision.next.turn, decision.next.outputs], [turn, { a: outputs.a }]);
});

test('a record says from its first taking on which event it is about, whatever a later copy calls itself', () => {
  const first = takeDecision(undefined, { gen: 0, attempt: 1 }, event, 'new', NOW);
  assert.ok(first.do === 'run');
  assert.deepEqual(first.next.event, event);
  const known = { record: { ...first.next, phase: 'parked' as const }, version: 1, leaseUntil: 0 };
  const later = takeDecision(known, { gen: 0, attempt: 1 }, { id: 'event-2', type: 'other' }, 'newer', NOW);
  assert.ok(later.do === 'run');
  assert.deepEqual(later.next.event, event);
  const over = takeDecision(undefined, { gen: 0, attempt: 1, expiresAt: NOW }, event, 'new', NOW);
  assert.ok(over.do === 'expire');
  assert.deepEqual(over.next.event, event);
});
