import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { GrowingPause } from './growing-pause.ts';
import { Intake } from './intake.ts';

function paused() {
  const clock = createVirtualClock(0);
  const intake = new Intake(3);
  const told: (number | undefined)[] = [];
  const provider = new GrowingPause(clock, intake, (pausedMs) => told.push(pausedMs));
  const open = () => [0, 1, 2].filter((slot) => intake.admits(slot)).length;
  return { clock, provider, told, open };
}

test('a refusal stops the intake, then one event at a time tries, and a success opens it again', async () => {
  const { clock, provider, told, open } = paused();
  provider.begin().failed(0);
  assert.equal(open(), 0);
  await clock.advance(5000);
  assert.equal(open(), 1);
  provider.begin().succeeded();
  assert.equal(open(), 3);
  assert.deepEqual(told, [5000, undefined]);
});

test('each failing try doubles the pause, up to five minutes; a success starts anew', async () => {
  const { clock, provider, told } = paused();
  for (let tries = 0; tries < 8; tries += 1) {
    provider.begin().failed(0);
    await clock.advance(300_000);
  }
  provider.begin().succeeded();
  provider.begin().failed(0);
  assert.deepEqual(told, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, undefined, 5000]);
});

test('calls that began before the last failure neither lengthen nor end the pause, whenever they end', async () => {
  const { clock, provider, told, open } = paused();
  const [first, second, third] = [provider.begin(), provider.begin(), provider.begin()];
  first.failed(0);
  second.failed(0);
  third.succeeded();
  assert.equal(open(), 0);
  await clock.advance(5000);
  third.succeeded();
  second.failed(0);
  assert.equal(open(), 1);
  assert.deepEqual(told, [5000]);
  provider.begin().failed(0);
  assert.deepEqual(told, [5000, 10_000], 'the doubling goes on');
});

test('a try that is not over when another one succeeds leaves the intake open, and its failure begins anew', async () => {
  const { clock, provider, told, open } = paused();
  provider.begin().failed(0);
  await clock.advance(5000);
  const [early, late] = [provider.begin(), provider.begin()];
  early.succeeded();
  late.failed(0);
  assert.deepEqual([open(), told], [0, [5000, undefined, 5000]]);
  await clock.advance(5000);
  assert.equal(open(), 1);
});

test('a call that begins in a pause and fails makes it longer: the end of the first pause does not count any more', async () => {
  const { clock, provider, told, open } = paused();
  provider.begin().failed(0);
  await clock.advance(1000);
  provider.begin().failed(0);
  await clock.advance(9000);
  assert.deepEqual([open(), told, clock.pending], [0, [5000, 10_000], 1]);
  await clock.advance(1000);
  assert.equal(open(), 1);
});

test('a wait that the provider asks for is kept where it is longer', () => {
  const { provider, told } = paused();
  provider.begin().failed(90_000);
  assert.deepEqual(told, [90_000]);
});

test('a wait of days is looked at again after an hour', () => {
  const { provider, told } = paused();
  provider.begin().failed(8 * 86_400_000);
  assert.deepEqual(told, [3_600_000]);
});

test('nothing opens the intake once it is closed for good, and no timer is left', async () => {
  const { clock, provider, open } = paused();
  provider.begin().failed(0);
  provider.close();
  assert.equal(clock.pending, 0);
  await clock.advance(5000);
  assert.equal(open(), 0);
});
