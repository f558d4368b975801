import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { remembered } from './remembered.ts';

test('a value is kept for its time, and until it is forgotten', async () => {
  const clock = createManualClock();
  let loads = 0;
  const value = remembered(clock, 60_000, async () => ++loads);
  assert.deepEqual(await Promise.all([value.get(), value.get()]), [1, 1]);
  clock.advance(59_999);
  assert.equal(await value.get(), 1);
  clock.advance(1);
  assert.equal(await value.get(), 2);
  value.forget();
  assert.equal(await value.get(), 3);
});

test('a clock that is set back does not make it last', async () => {
  let [now, loads] = [10_000_000, 0];
  const value = remembered({ now: () => now, timer: () => ({ cancel() {} }) }, 60_000, async () => ++loads);
  await value.get();
  now -= 3_600_000;
  assert.equal(await value.get(), 2);
});

test('a failure is not kept', async () => {
  let loads = 0;
  const value = remembered(createManualClock(), 60_000, async () => {
    loads++;
    if (loads === 1) throw new Error('not yet');
    return loads;
  });
  await assert.rejects(value.get(), /not yet/);
  assert.equal(await value.get(), 2);
});
