import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBell } from './bell.ts';

/** Whether a promise is settled once everything has run that could run. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('a sleeper is woken by the next ring', async () => {
  const bell = createBell();
  const rung = bell.rung();
  assert.equal(await isSettled(rung), false);
  bell.ring();
  assert.equal(await isSettled(rung), true);
});

test('a ring that nobody slept through is heard by the next sleeper, and by that one alone', async () => {
  const bell = createBell();
  bell.ring();
  bell.ring();
  assert.equal(await isSettled(bell.rung()), true);
  assert.equal(await isSettled(bell.rung()), false);
});

test('a ring that woke somebody is not heard again', async () => {
  const bell = createBell();
  const first = bell.rung();
  bell.ring();
  await first;
  assert.equal(await isSettled(bell.rung()), false);
});
