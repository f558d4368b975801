import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from './outcome.ts';
import { settlementFor } from './settle.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const context = { maxAttempts: 4, retryDelaysMs: [10_000, 60_000], now: NOW };
const transient: Outcome = { kind: 'transient', reason: 'OutputServerError', error: 'output a answered 500' };

const cases: readonly [name: string, outcome: Outcome, attempt: number, want: object][] = [
  ['done: acknowledge', { kind: 'done' }, 1, { do: 'ack', as: 'done' }],
  ['duplicate: acknowledge', { kind: 'duplicate' }, 1, { do: 'ack', as: 'duplicate' }],
  ['filtered: acknowledge', { kind: 'filtered' }, 1, { do: 'ack', as: 'filtered' }],
  ['stale: acknowledge', { kind: 'stale' }, 1, { do: 'ack', as: 'stale' }],
  ['expired: acknowledge', { kind: 'expired' }, 1, { do: 'ack', as: 'expired' }],
  ['first failure: the first tier', transient, 1, { do: 'decide', decision: { kind: 'retry', delayMs: 10_000, attempt: 2 } }],
  ['second failure: the second tier', transient, 2, { do: 'decide', decision: { kind: 'retry', delayMs: 60_000, attempt: 3 } }],
  ['third failure: the last tier again', transient, 3, { do: 'decide', decision: { kind: 'retry', delayMs: 60_000, attempt: 4 } }],
  [
    'asked to wait longer than the tier: not before that',
    { ...transient, retryAfterMs: 90_000 },
    1,
    { do: 'decide', decision: { kind: 'retry', delayMs: 10_000, attempt: 2, notBefore: NOW + 90_000 } },
  ],
  [
    'asked to wait less than the tier: the tier',
    { ...transient, retryAfterMs: 9_000 },
    1,
    { do: 'decide', decision: { kind: 'retry', delayMs: 10_000, attempt: 2 } },
  ],
  [
    'asked to wait for years: a day',
    { ...transient, retryAfterMs: 1e11 },
    1,
    { do: 'decide', decision: { kind: 'retry', delayMs: 10_000, attempt: 2, notBefore: NOW + 86_400_000 } },
  ],
  [
    'settling cut off: the same decision',
    { kind: 'decided', decision: { kind: 'retry', delayMs: 60_000, attempt: 9 } },
    1,
    { do: 'decide', decision: { kind: 'retry', delayMs: 60_000, attempt: 9 } },
  ],
  [
    'handed back: to the work queue',
    { kind: 'hand-back', reason: 'Overloaded', error: '' },
    3,
    { do: 'return', destination: { to: 'work' } },
  ],
  ['due in 5 s: the wait queue', { kind: 'wait', reason: 'NotDue', untilMs: NOW + 5000 }, 1, { do: 'return', destination: { to: 'wait' } }],
  [
    'due in 59 s: the largest tier that does not overshoot',
    { kind: 'wait', reason: 'NotDue', untilMs: NOW + 59_000 },
    1,
    { do: 'return', destination: { to: 'tier', delayMs: 10_000 } },
  ],
  [
    'due in two hours: the largest tier',
    { kind: 'wait', reason: 'NotDue', untilMs: NOW + 7_200_000 },
    1,
    { do: 'return', destination: { to: 'tier', delayMs: 60_000 } },
  ],
  ['somebody else runs it: the wait queue', { kind: 'wait', reason: 'Leased' }, 1, { do: 'return', destination: { to: 'wait' } }],
  ['the broker has it back: leave it', { kind: 'delivery-lost' }, 1, { do: 'leave' }],
  ['fenced: look again', { kind: 'fenced' }, 1, { do: 'retake' }],
];

for (const [name, outcome, attempt, want] of cases) {
  test(`settling: ${name}`, () => {
    assert.deepEqual(settlementFor(outcome, { ...context, progress: { gen: 0, attempt } }), want);
  });
}

test('the last attempt that fails becomes a dead letter that keeps the error', () => {
  const settlement = settlementFor(transient, { ...context, progress: { gen: 0, attempt: 4 } });
  assert.ok(settlement.do === 'decide' && settlement.decision.kind === 'dead');
  const { fingerprint, ...decision } = settlement.decision;
  assert.match(fingerprint, /^[0-9a-f]{12}$/);
  assert.deepEqual(decision, {
    kind: 'dead',
    reason: 'AttemptsExhausted',
    error: 'OutputServerError: output a answered 500',
    attempts: 4,
    at: NOW,
  });
});

test('what cannot go better becomes a dead letter at the first attempt', () => {
  const settlement = settlementFor({ kind: 'permanent', reason: 'Refused', error: 'no' }, { ...context, progress: { gen: 2, attempt: 1 } });
  assert.ok(settlement.do === 'decide' && settlement.decision.kind === 'dead');
  assert.deepEqual([settlement.decision.reason, settlement.decision.attempts], ['Refused', 1]);
});

test('a decision of an earlier configuration whose tier is no more goes to the next longer one, else to the longest', () => {
  const delayOf = (delayMs: number) => {
    const decision = { kind: 'retry', delayMs, attempt: 2 } as const;
    const settlement = settlementFor({ kind: 'decided', decision }, { ...context, progress: { attempt: 1, gen: 0 } });
    return settlement.do === 'decide' && settlement.decision.kind === 'retry' ? settlement.decision.delayMs : undefined;
  };
  assert.deepEqual([5000, 10_000, 30_000, 90_000].map(delayOf), [10_000, 10_000, 60_000, 60_000]);
});
