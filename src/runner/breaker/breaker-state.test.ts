import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admission, afterFailure, afterNeither, afterSuccess, type BreakerState, CLOSED, slotsFor } from './breaker-state.ts';

const NOW = 1_000_000;
const failure = { reason: 'Overloaded', error: '529' } as const;

function failed(times: number, askedMs = 0): BreakerState {
  let state = CLOSED;
  for (let time = 0; time < times; time += 1) state = afterFailure(state, state.era, failure, askedMs, NOW) ?? CLOSED;
  return state;
}

test('breaker: pauses grow to five minutes, and what the provider asks for is kept up to an hour', () => {
  const pauses = [1, 2, 3, 6, 7, 20].map((times) => failed(times).openUntil - NOW);
  assert.deepEqual(pauses, [5_000, 10_000, 20_000, 160_000, 300_000, 300_000]);
  assert.deepEqual([failed(1, 90_000).openUntil - NOW, failed(1, 9e9).openUntil - NOW], [90_000, 3_600_000]);
});

test('breaker: of calls that began before the last failure nothing is heard', () => {
  const open = failed(1);
  assert.equal(afterFailure(open, 0, failure, 0, NOW), undefined);
  assert.equal(afterSuccess(open, 0), undefined);
  assert.equal(afterSuccess(open, open.era)?.failures, 0);
  assert.equal(afterSuccess(CLOSED, 0), undefined, 'there is nothing to be written');
});

test('breaker: after the pause one tries, and the others wait for that one', () => {
  const open = failed(1);
  assert.equal(admission(CLOSED, 'a', NOW).answer, 'go');
  assert.equal(admission(open, 'a', open.openUntil - 1).answer, 'stop');
  const { answer, next: tried } = admission(open, 'a', open.openUntil);
  assert.ok(answer === 'go' && tried !== undefined);
  assert.equal(admission(tried, 'b', open.openUntil).answer, 'wait');
  assert.equal(admission(tried, 'a', open.openUntil).answer, 'go');
  assert.equal(admission(tried, 'b', open.openUntil + 120_000).answer, 'go', 'whoever tried is gone');
  assert.equal(admission(afterNeither(tried, 'a') ?? tried, 'b', open.openUntil).answer, 'go');
  assert.equal(afterNeither(tried, 'b'), undefined);
});

test('breaker: how many events a process may take', () => {
  const open = failed(1);
  const { next: tried = open } = admission(open, 'a', open.openUntil);
  const probeEnds = open.openUntil + 120_000;
  assert.deepEqual(
    [
      slotsFor(CLOSED, NOW),
      slotsFor(open, NOW),
      slotsFor(open, open.openUntil),
      slotsFor(tried, open.openUntil),
      slotsFor(tried, probeEnds),
    ],
    [undefined, 0, 1, 0, 1],
  );
});
