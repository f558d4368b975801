import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { Intake } from './intake.ts';
import { Solo } from './solo.ts';

function process() {
  const clock = createVirtualClock(0);
  const solo = new Solo(clock);
  const [mine, other] = [new Intake(4), new Intake(4)];
  solo.join(mine);
  solo.join(other);
  const open = () => [mine, other].map((intake) => [0, 1, 2, 3].filter((slot) => intake.isOpen(slot)).length);
  return { clock, solo, mine, other, open };
}

test('an event that must run alone does so at once in an idle process, and nothing else is admitted meanwhile', () => {
  const { solo, mine, other, open } = process();
  const alone = solo.admit(mine);
  assert.ok(alone);
  assert.ok(alone.makeAlone());
  assert.equal(solo.admit(other), undefined);
  assert.deepEqual(open(), [1, 0]);
  alone.release();
  assert.deepEqual(open(), [4, 4]);
  assert.ok(solo.admit(other));
});

test('in a busy process it is not run, and the process takes nothing new but one event of its agent until it has come back', async () => {
  const { clock, solo, mine, other, open } = process();
  const neighbour = solo.admit(other);
  const first = solo.admit(mine);
  assert.equal(first?.makeAlone(), false);
  first.release();
  assert.deepEqual(open(), [1, 0]);
  neighbour?.release();
  await clock.advance(15_000);
  const again = solo.admit(mine);
  assert.ok(again);
  assert.ok(again.makeAlone());
  await clock.advance(60_000);
  assert.deepEqual(open(), [1, 0], 'it stays alone however long it runs');
  again.release();
  assert.deepEqual(open(), [4, 4]);
});

test('a process does not stay narrow for an event that never comes back', async () => {
  const { clock, solo, mine, other, open } = process();
  solo.admit(other);
  solo.admit(mine)?.makeAlone();
  assert.deepEqual(open(), [1, 0]);
  await clock.advance(30_000);
  assert.deepEqual(open(), [4, 4]);
});
