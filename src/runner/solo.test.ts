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
  const open = () => intakes.map((intake) => [0, 1, 2, 3].filter((slot) => intake.admits(slot)).length);
  const admit = () => {
    const admission = solo.admit();
    assert.ok(admission);
    return admission;
  };
  return { clock, solo, intakes, admit, open };
}

/** An event that may wait as long as is said, and is taken by nobody else unless `takers` has its name. */
function candidate(waitMs: number, id = 'event', takers: ReadonlySet<string> = new Set()) {
  return { id, waitMs, isWaiting: async () => !takers.has(id) };
}

test('an event that must run alone does so at once in an idle process, and nothing else is taken or admitted meanwhile', async () => {
  const { solo, admit, open } = process();
  const lone = admit();
  assert.equal(await lone.alone(candidate(1000), never), true);
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
  const alone = lone.alone(candidate(60_000), never);
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
  const alone = first.alone(candidate(60_000, 'first'), never);
  assert.equal(await second.alone(candidate(60_000, 'second'), never), false);
  second.release();
  neighbour.release();
  assert.equal(await alone, true);
});

test('where the process does not come to rest in time, nothing is taken until it has, and then one event at a time until that one has come again', async () => {
  const { clock, solo, admit, open } = process();
  const neighbour = admit();
  const lone = admit();
  const alone = lone.alone(candidate(30_000), never);
  await clock.advance(30_000);
  assert.equal(await alone, false);
  lone.release();
  assert.deepEqual([open(), solo.admit()], [[0, 0], undefined]);
  neighbour.release();
  assert.deepEqual(open(), [1, 1]);
  const other = admit();
  assert.equal(solo.admit(), undefined, 'one agent at a time, too');
  other.release();
  const again = admit();
  assert.equal(await again.alone(candidate(30_000), never), true);
  assert.deepEqual(open(), [0, 0]);
  again.release();
  assert.deepEqual([open(), clock.pending], [[4, 4], 0]);
});

test('an event that was sent away and taken by another process is not waited for', async () => {
  const { clock, admit, open } = process();
  const neighbour = admit();
  const lone = admit();
  const takers = new Set<string>();
  const alone = lone.alone(candidate(1000, 'event', takers), never);
  await clock.advance(1000);
  assert.equal(await alone, false);
  lone.release();
  neighbour.release();
  await clock.advance(60_000);
  assert.deepEqual(open(), [1, 1], 'nobody has taken it yet');
  takers.add('event');
  await clock.advance(30_000);
  assert.deepEqual([open(), clock.pending], [[4, 4], 0]);
});

test('whoever leaves last leaves no timer behind', async () => {
  const { clock, solo, intakes, admit } = process();
  admit();
  const alone = admit().alone(candidate(1000), never);
  await clock.advance(1000);
  await alone;
  for (const intake of intakes) solo.leave(intake);
  assert.equal(clock.pending, 0);
});

test('a wait that is aborted opens it again', async () => {
  const { admit, open } = process();
  admit();
  const stop = new AbortController();
  const alone = admit().alone(candidate(30_000), stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(alone, /enough/);
  assert.deepEqual(open(), [4, 4]);
});
