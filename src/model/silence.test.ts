import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { watchSilence } from './silence.ts';

function watched() {
  const clock = createManualClock();
  let calls = 0;
  const silence = watchSilence(clock, 100, () => {
    calls += 1;
  });
  return { pass: clock.advance, pending: clock.pending, silence, calls: () => calls };
}

test('silence is too long at the limit and not before, and is told once', () => {
  const { pass, silence, calls } = watched();
  pass(99);
  assert.deepEqual([silence.tooLong(), calls()], [false, 0]);
  pass(1);
  assert.deepEqual([silence.tooLong(), calls()], [true, 1]);
  pass(1_000);
  assert.equal(calls(), 1);
});

test('silence counts from the last thing that was heard', () => {
  const { pass, silence, calls } = watched();
  for (let heard = 0; heard < 5; heard += 1) {
    pass(90);
    silence.broken();
  }
  pass(99);
  assert.equal(calls(), 0);
  pass(1);
  assert.equal(calls(), 1);
});

test('a thousand sounds keep one timer', () => {
  const { pass, silence, pending } = watched();
  for (let heard = 0; heard < 1_000; heard += 1) {
    pass(1);
    silence.broken();
  }
  assert.equal(pending(), 1);
});

test('the rest has its own limit, which no further sound extends', () => {
  const { pass, silence, calls } = watched();
  pass(50);
  silence.endAfter(20);
  pass(10);
  silence.broken();
  silence.endAfter(20);
  pass(10);
  assert.equal(calls(), 1);
});

test('a watch that has ended leaves no timer and tells nobody', () => {
  const { pass, silence, calls, pending } = watched();
  silence.end();
  assert.equal(pending(), 0);
  pass(1_000);
  assert.deepEqual([silence.tooLong(), calls()], [false, 0]);
});
