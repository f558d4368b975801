import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sleep } from '../../src/lib/clock.ts';
import { createVirtualClock } from './virtual-clock.ts';

test('timers fire in the order of time, and those of the same time in the order they were set in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 60 }), async (delays) => {
      const clock = createVirtualClock(1000);
      const fired: (readonly [at: number, index: number])[] = [];
      for (const [index, delayMs] of delays.entries()) clock.timer(delayMs, () => fired.push([clock.now() - 1000, index]));
      await clock.runUntilIdle();
      const expected = delays.map((delayMs, index) => [delayMs, index] as const).toSorted(([left], [right]) => left - right);
      assert.deepEqual(fired, expected);
    }),
  );
});

test('with a random function timers of the same time fire in an order that it picks, and all of them', async () => {
  let state = 1;
  // Numerical Recipes' linear congruential generator.
  const random = () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
  const orders = new Set<string>();
  for (let run = 0; run < 100; run++) {
    const clock = createVirtualClock(0, { random });
    const fired: number[] = [];
    for (const index of [0, 1, 2]) clock.timer(5, () => fired.push(index));
    clock.timer(4, () => fired.push(-1));
    await clock.runUntilIdle();
    assert.equal(fired[0], -1);
    assert.deepEqual(new Set(fired.slice(1)), new Set([0, 1, 2]));
    orders.add(fired.join());
  }
  assert.equal(orders.size, 6);
});

test('promise jobs run to their end between two timers', async () => {
  const clock = createVirtualClock(0);
  const seen: string[] = [];
  clock.timer(1, () => {
    void (async () => {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      seen.push('job');
      await sleep(clock, 0);
      seen.push('set by a job');
    })();
  });
  clock.timer(2, () => seen.push('timer'));
  await clock.runUntilIdle();
  assert.deepEqual(seen, ['job', 'set by a job', 'timer']);
});

test('a cancelled timer never fires, and is not waited for', async () => {
  const clock = createVirtualClock(0);
  const timer = clock.timer(5, () => assert.fail('it fired'));
  const fired = clock.timer(1, () => {});
  assert.equal(clock.pending, 2);
  timer.cancel();
  timer.cancel();
  assert.equal(clock.pending, 1);
  await clock.runUntilIdle();
  fired.cancel();
  assert.deepEqual([clock.now(), clock.pending], [1, 0]);
});

test('advance stops at its time', async () => {
  const clock = createVirtualClock(100);
  const fired: number[] = [];
  const every = () => {
    fired.push(clock.now());
    clock.timer(10, every);
  };
  clock.timer(0, every);
  await clock.advance(0);
  assert.deepEqual(fired, [100]);
  await clock.advance(25);
  assert.deepEqual([fired, clock.now()], [[100, 110, 120], 125]);
});

test('runUntil stops as soon as it holds, and says so when it never will', async () => {
  const clock = createVirtualClock(0);
  let count = 0;
  const every = () => {
    count++;
    clock.timer(10, every);
  };
  clock.timer(10, every);
  await clock.runUntil(() => count === 3, 1000);
  assert.equal(clock.now(), 30);
  await assert.rejects(
    clock.runUntil(() => count === 100, 50),
    /not within 50 ms/,
  );
  await assert.rejects(clock.runUntilIdle(1000), /still set after 1000 ms/);
  await assert.rejects(
    createVirtualClock(0).runUntil(() => false, 10),
    /no timer is left/,
  );
});
