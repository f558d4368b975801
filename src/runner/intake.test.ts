import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Intake } from './intake.ts';

test('all slots are let in until something limits them, and the tightest limit counts', () => {
  const intake = new Intake(3);
  const open = () => [0, 1, 2].filter((slot) => intake.admits(slot));
  assert.deepEqual(open(), [0, 1, 2]);
  intake.limit('provider', 1);
  assert.deepEqual(open(), [0]);
  intake.limit('suspended', 0);
  assert.deepEqual(open(), []);
  intake.limit('provider', undefined);
  assert.deepEqual(open(), []);
  intake.limit('suspended', undefined);
  assert.deepEqual(open(), [0, 1, 2]);
});

test('a place goes to the slot that asks first, and is free again when the intake was closed meanwhile', () => {
  const intake = new Intake(3);
  intake.limit('provider', 1);
  assert.deepEqual(
    [2, 0, 2, 1].map((slot) => intake.admits(slot)),
    [true, false, true, false],
  );
  intake.limit('provider', 0);
  assert.equal(intake.admits(2), false);
  intake.limit('provider', 1);
  assert.deepEqual(
    [1, 2].map((slot) => intake.admits(slot)),
    [true, false],
  );
});

test('a limit that does not count for the one who asks leaves the others', () => {
  const intake = new Intake(2);
  intake.limit('settling', 0);
  assert.deepEqual([intake.admits(1), intake.admits(1, 'settling')], [false, true]);
  intake.limit('provider', 0);
  assert.equal(intake.admits(1, 'settling'), false);
});

test('whoever waits for a change is woken by the next one, and by an abort', async () => {
  const intake = new Intake(1);
  const stop = new AbortController();
  const changed = intake.changed(stop.signal);
  intake.limit('alone', 0);
  await changed;
  const aborted = intake.changed(stop.signal);
  stop.abort();
  await aborted;
  await intake.changed(stop.signal);
});

test('a listener is told of each change until it is taken off', () => {
  const intake = new Intake(1);
  let changes = 0;
  const forget = intake.onChange(() => {
    changes += 1;
  });
  intake.limit('store', 0);
  intake.limit('store', undefined);
  assert.equal(changes, 2);
  forget();
  intake.limit('store', 0);
  assert.equal(changes, 2);
});
