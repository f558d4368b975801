import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AlikeFailure, type AlikeState, afterAlike, afterSuccess, isAlike, NONE_ALIKE, slotsFor } from './alike-state.ts';

const NOW = 1_000_000;
const failure = (event: string, change: Partial<AlikeFailure> = {}): AlikeFailure => ({
  configuration: 'c',
  fingerprint: 'f',
  reason: 'OutputRejected',
  error: '422',
  event,
  id: `id of ${event}`,
  ...change,
});
const after = (...failures: readonly AlikeFailure[]): AlikeState =>
  failures.reduce<AlikeState>((state, each) => afterAlike(state, each, NOW), NONE_ALIKE);
const events = (count: number) => Array.from({ length: count }, (_, index) => failure(`event-${index}`));

test('alike: five different events in a row, and not one event five times', () => {
  assert.equal(isAlike(after(...events(4))), false);
  assert.equal(isAlike(after(...Array.from({ length: 9 }, () => failure('one')))), false);
  const five = after(...events(5));
  assert.deepEqual([isAlike(five), five.example, five.pausedUntil], [true, 'id of event-4', NOW + 5000]);
});

test('alike: a success, another failure and another configuration end the row', () => {
  assert.equal(isAlike(afterAlike(afterSuccess(after(...events(4))) ?? NONE_ALIKE, failure('x'), NOW)), false);
  assert.equal(afterSuccess(NONE_ALIKE), undefined);
  assert.equal(isAlike(after(...events(4), failure('x', { fingerprint: 'g' }), failure('y'))), false);
  assert.equal(isAlike(after(...events(4), failure('x', { configuration: 'd' }))), false);
});

test('alike: pauses double, and those that fail while one is on make it no longer', () => {
  let state = after(...events(5), failure('late'));
  assert.equal(state.pausedUntil, NOW + 5000);
  const pauses: number[] = [];
  for (let probe = 0; probe < 8; probe += 1) {
    const now = state.pausedUntil;
    state = afterAlike(state, failure('probe'), now);
    pauses.push((state.pausedUntil - now) / 1000);
  }
  assert.deepEqual(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
  assert.equal(state.since, NOW);
});

test('alike: nothing is taken while it pauses, then one at a time; a process with another configuration is not concerned', () => {
  const state = after(...events(5));
  assert.deepEqual(
    [slotsFor(NONE_ALIKE, 'c', NOW), slotsFor(state, 'c', NOW), slotsFor(state, 'c', state.pausedUntil), slotsFor(state, 'd', NOW)],
    [undefined, 0, 1, undefined],
  );
});
