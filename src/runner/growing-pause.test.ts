import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { GrowingPause } from './growing-pause.ts';
import { Intake } from './intake.ts';

function paused() {
  const clock = createVirtualClock(0);
  const intake = new Intake(3);
  const told: (number | undefined)[] = [];
  const provider = new GrowingPause(clock, intake, 'provider', (pausedMs) => told.push(pausedMs));
  const open = () => [0, 1, 2].filter((slot) => intake.isOpen(slot)).length;
  return { clock, provider, told, open };
}

test('a refusal stops the intake, then one event at a time tries, and a success opens it again', async () => {
  const { clock, provider, told, open } = paused();
  provider.failed(0);
  assert.equal(open(), 0);
  await clock.advance(5000);
  assert.equal(open(), 1);
  provider.succeeded();
  assert.equal(open(), 3);
  assert.deepEqual(told, [5000, undefined]);
});

test('each failing try doubles the pause, up to five minutes; a success starts anew', async () => {
  const { clock, provider, told } = paused();
  for (let tries = 0; tries < 8; tries += 1) {
    provider.failed(0);
    await clock.advance(300_000);
  }
  provider.succeeded();
  provider.failed(0);
  assert.deepEqual(told, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, undefined, 5000]);
});

test('runs that began before the pause neither lengthen nor end it', async () => {
  const { clock, provider, told, open } = paused();
  provider.failed(0);
  provider.failed(0);
  provider.succeeded();
  assert.equal(open(), 0);
  await clock.advance(5000);
  assert.deepEqual(told, [5000]);
});

test('a wait that the provider asks for is kept where it is longer', () => {
  const { provider, told } = paused();
  provider.failed(90_000);
  assert.deepEqual(told, [90_000]);
});

test('a wait of days is looked at again after an hour', () => {
  const { provider, told } = paused();
  provider.failed(8 * 86_400_000);
  assert.deepEqual(told, [3_600_000]);
});
