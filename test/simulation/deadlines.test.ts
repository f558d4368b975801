import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costNanoUsd } from '../../src/api/prices.ts';
import { assertNothingBroken } from './invariants.ts';
import { inTurn, type Line, stageOf } from './stage.ts';
import type { Replica, World } from './world.ts';

const HOURS_MS = 3 * 3_600_000;

/** How deliveries ended: outcome, reason, attempt, and the seconds since `startedAt`. */
function ends(lines: readonly Line[], startedAt: number): readonly (readonly unknown[])[] {
  return lines.flatMap(({ outcome, reason, attempt, at }) =>
    outcome === undefined ? [] : [[outcome, reason, attempt, Math.round((Number(at) - startedAt) / 1000)]],
  );
}

/** Orders a replica to stop; resolves with the seconds that it took. */
async function secondsToClose(world: World, replica: Replica): Promise<number> {
  const startedAt = world.clock.now();
  let isClosed = false;
  void replica.close().then(() => {
    isClosed = true;
  });
  await world.clock.runUntil(() => isClosed, HOURS_MS);
  return Math.round((world.clock.now() - startedAt) / 1000);
}

test('a run that takes longer than its timeout is cut, and is a failed attempt', async () => {
  const { world, lines, start } = await stageOf({
    model: inTurn([{ delayMs: HOURS_MS }, { delayMs: 1000 }]),
    agent: { delivery: { runTimeoutSeconds: 60, retryDelaysSeconds: [10] } },
  });
  start();
  await world.publish('event');
  const startedAt = world.clock.now();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.deepEqual(ends(lines, startedAt), [
    ['retried', 'RunTimeout', 1, 60],
    ['done', '', 2, 71],
  ]);
});

test('a run of an hour keeps its delivery to its end, and what follows it is waited for', async () => {
  const { world, lines, start } = await stageOf({
    model: () => ({ delayMs: 3_590_000, stopReason: 'refusal' }),
    agent: { delivery: { runTimeoutSeconds: 3600 } },
  });
  start();
  world.lose(world.names.dead);
  await world.publish('event');
  const startedAt = world.clock.now();
  await world.clock.advance(3_590_000 + 180_000);
  await world.mend(world.names.dead);
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.deepEqual(
    lines.filter(({ msg }) => /given up/.test(msg)),
    [],
  );
  assert.equal(world.model.sold.get('event'), 1);
  const [end, ...others] = ends(lines, startedAt);
  assert.deepEqual([end?.slice(0, 3), others], [['dead', 'Refused', 1], []]);
});

test('a run that cannot go on is given up two minutes after its timeout, and its event is not to blame', async () => {
  const { world, lines, start } = await stageOf({ agent: { delivery: { runTimeoutSeconds: 60 } } });
  start();
  await world.publish('event');
  const startedAt = world.clock.now();
  world.storeDown = true;
  await world.clock.advance(30 * 60_000);
  assert.deepEqual(
    lines.flatMap(({ msg, at }) => (/given up/.test(msg) ? [Math.round((Number(at) - startedAt) / 1000)] : [])),
    [180],
  );
  assert.deepEqual(world.broker.counts(world.names.work), { ready: 1, unacked: 0, held: 0, total: 1 });
  world.storeDown = false;
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.equal(world.sink.effects.size, 1);
});

test('on the order to stop a turn is finished and kept, and its event handed back', async () => {
  const { world, lines, start } = await stageOf({ model: () => ({ delayMs: 25_000 }) });
  const replica = start();
  await world.publish('event');
  await world.clock.advance(1000);
  const startedAt = world.clock.now();
  assert.equal(await secondsToClose(world, replica), 24);
  assert.deepEqual(ends(lines, startedAt), [['handed_back', 'Shutdown', 1, 24]]);
  start();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.equal(world.model.sold.get('event'), 1);
});

test('a step that has not ended a minute after the order to stop is cut, and no attempt is counted', async () => {
  const { world, lines, start } = await stageOf({ model: inTurn([{ delayMs: HOURS_MS }, { delayMs: 1000 }]) });
  const replica = start();
  await world.publish('event');
  await world.clock.advance(1000);
  const startedAt = world.clock.now();
  assert.equal(await secondsToClose(world, replica), 60);
  start();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.deepEqual(ends(lines, startedAt), [
    ['handed_back', 'Shutdown', 1, 60],
    ['done', '', 1, 61],
  ]);
});

test('what is not settled 80 s after the order to stop is left to the broker, with a line in the log, and settled by the next process', async () => {
  const { world, lines, start } = await stageOf({ model: () => ({ delayMs: 10, stopReason: 'refusal' }) });
  const replica = start();
  world.lose(world.names.dead);
  await world.publish('event');
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'decided', HOURS_MS);
  assert.equal(await secondsToClose(world, replica), 80);
  assert.ok(lines.some(({ msg, error }) => /^a delivery was given up/.test(msg) && /could not finish in time/.test(String(error))));
  await world.mend(world.names.dead);
  start();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.equal(world.model.sold.get('event'), 1);
});

test('what a call of a model without a known price has cost is unknown, and never nothing', async () => {
  const { world, lines, start } = await stageOf({
    agent: { model: 'claude-nobody-knows' },
    priceOf: costNanoUsd,
    model: inTurn([{ delayMs: 10, fails: { code: 'Cut', billed: true } }, { delayMs: 10 }]),
  });
  const replica = start();
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual(
    lines.flatMap(({ msg, costNanoUsd }) => (msg === 'run finished' ? [costNanoUsd] : [])),
    ['unknown', 'unknown'],
  );
  assert.equal(world.records.get('event')?.spent?.costNanoUsd, 'unknown');
  const samples = await replica.scrape();
  assert.deepEqual(
    samples.filter(({ name }) => name === 'eventagent_unpriced_calls_total').map(({ labels, value }) => [labels.model, value]),
    [['claude-nobody-knows', 2]],
  );
  assert.deepEqual(
    samples.filter(({ name }) => name === 'eventagent_cost_usd_total'),
    [],
  );
});
