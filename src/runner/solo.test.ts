import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { Intake } from './intake.ts';
import { Solo } from './solo.ts';

const never = new AbortController().signal;

function process() {
  const clock = createVirtualClock(0);
  const solo = new Solo(clock);
  const intakes = [new Intake(4), new Intake(4)];
  for (const intake of intakes) solo.join(intake);
  const open = () => intakes.map((intake) => [0, 1, 2, 3].filter((slot) => intake.isOpen(slot)).length);
  const admit = () => {
    const admission = solo.admit();
    assert.ok(admission);
    return admission;
  };
  return { clock, solo, admit, open };
}

test('an event that must run alone does so at once in an idle process, and nothing else is taken or admitted meanwhile', async () => {
  const { solo, admit, open } = process();
  const lone = admit();
  assert.equal(await lone.alone(1000, never), true);
  assert.equal(solo.admit(), undefined);
  assert.deepEqual(open(), [0, 0]);
  lone.release();
  assert.deepEqual(open(), [4, 4]);
  assert.ok(solo.admit());
});

test('in a busy process it waits until the others have ended, and nothing new is taken meanwhile', async () => {
  const { clock, solo, admit, open } = process();
  const neighbours = [admit(), admit()];
  const lone = admit();
  const alone = lone.alone(60_000, never);
  await clock.advance(1000);
  assert.deepEqual([open(), solo.admit()], [[0, 0], undefined]);
  for (const neighbour of neighbours) neighbour.release();
  assert.equal(await alone, true);
  await clock.advance(120_000);
  assert.deepEqual(open(), [0, 0], 'it stays alone however long it runs');
  lone.release();
  assert.deepEqual(open(), [4, 4]);
});

test('of two events that must run alone one waits, and the other comes again later', async () => {
  const { admit } = process();
  const neighbour = admit();
  const [first, second] = [admit(), admit()];
  const alone = first.alone(60_000, never);
  assert.equal(await second.alone(60_000, never), false);
  second.release();
  neighbour.release();
  assert.equal(await alone, true);
});

test('where the process does not come to rest, it is opened again', async () => {
  const { clock, admit, open } = process();
  admit();
  const lone = admit();
  const alone = lone.alone(30_000, never);
  await clock.advance(30_000);
  assert.equal(await alone, false);
  assert.deepEqual(open(), [4, 4]);
});

test('a wait that is aborted opens it again', async () => {
  const { admit, open } = process();
  admit();
  const stop = new AbortController();
  const alone = admit().alone(30_000, stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(alone, /enough/);
  assert.deepEqual(open(), [4, 4]);
});
