import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import type { ModelScript } from './scripted-model.ts';
import { inTurn, type Stage, stageOf } from './stage.ts';
import type { Replica } from './world.ts';

const HOURS_MS = 3 * 3_600_000;
const refuses: ModelScript = { delayMs: 10, stopReason: 'refusal' };
const answers: ModelScript = { delayMs: 10 };

async function metric(replica: Replica, name: string, reason?: string): Promise<number | undefined> {
  return (await replica.scrape()).find((sample) => sample.name === name && (reason === undefined || sample.labels.reason === reason))
    ?.value;
}

/** Times, in whole seconds since the start, at which a runner gave a delivery back to the broker by closing its channel. */
function givenUp({ lines }: Stage, startedAt: number): readonly number[] {
  return lines.flatMap(({ msg, at }) => (/given up/.test(msg) ? [Math.round((Number(at) - startedAt) / 1000)] : []));
}

for (const [how, outcome] of [
  ['is gone', 'unroutable'],
  ['takes nothing', 'refused'],
] as const)
  test(`a dead letter whose queue ${how} is held, and told of, until the queue has taken it`, async () => {
    const stage = await stageOf({ model: () => refuses });
    const { world, lines, start } = stage;
    const replica = start();
    if (outcome === 'unroutable') world.lose(world.names.dead);
    else await world.stuff(world.names.dead, 'dead');
    await world.publish('event');
    await world.publish('next');
    await world.clock.advance(60_000);
    assert.deepEqual(
      [await metric(replica, 'eventagent_settle_refused'), await metric(replica, 'eventagent_intake_paused', 'settling')],
      [1, 1],
    );
    assert.deepEqual([world.records.get('event')?.phase, world.records.get('next')], ['decided', undefined], 'nothing new is taken');
    assert.deepEqual(
      lines.flatMap(({ level, reason }) => (level === 'error' ? [reason] : [])),
      [outcome],
    );
    await world.mend(world.names.dead);
    await world.clock.runUntil(() => world.settled(), HOURS_MS);
    assertNothingBroken(world);
    assert.deepEqual(
      [await metric(replica, 'eventagent_settle_refused'), await metric(replica, 'eventagent_intake_paused', 'settling')],
      [0, 0],
    );
    assert.deepEqual([...world.model.sold.values()], [1, 1]);
    assert.deepEqual(givenUp(stage, 0), []);
  });

test('an event that the broker does not take back is held, and told of, and run again in place as soon as events may be taken', async () => {
  const stage = await stageOf({ model: inTurn([{ delayMs: 10, fails: { code: 'Overloaded', billed: false } }, answers]) });
  const { world, lines, start } = stage;
  const replica = start();
  await world.publish('event');
  await world.bound('work', false);
  await world.clock.advance(3000);
  assert.deepEqual(
    [await metric(replica, 'eventagent_settle_refused'), await metric(replica, 'eventagent_intake_paused', 'settling')],
    [1, 1],
  );
  assert.deepEqual(
    lines.flatMap(({ level, reason }) => (level === 'error' ? [reason] : [])),
    ['unroutable'],
  );
  await world.clock.advance(20_000);
  assert.equal(world.records.get('event')?.phase, 'done');
  assert.equal(await metric(replica, 'eventagent_settle_refused'), 0);
  assert.deepEqual(
    lines.flatMap(({ outcome, reason, attempt }) => (outcome === undefined ? [] : [[outcome, reason, attempt]])),
    [
      ['handed_back', 'Overloaded', 1],
      ['done', '', 1],
    ],
  );
  assertNothingBroken(world);
});

for (const [runTimeoutSeconds, heldSeconds] of [
  [60, 29 * 60],
  [3600, 3600 + 240],
] as const)
  test(`an event that the broker does not take back is held for as long as the broker lets it be held, and not only for the time of a run, of ${runTimeoutSeconds} s`, async () => {
    const stage = await stageOf({
      model: inTurn([{ delayMs: 10, fails: { code: 'RateLimited', billed: false, retryAfterMs: 7_200_000 } }, answers]),
      agent: { delivery: { runTimeoutSeconds } },
    });
    const { world, start } = stage;
    start();
    await world.publish('event');
    const startedAt = world.clock.now();
    await world.bound('work', false);
    await world.clock.advance((heldSeconds + 600) * 1000);
    assert.deepEqual(givenUp(stage, startedAt), [heldSeconds]);
    await world.bound('work', true);
    await world.clock.runUntil(() => world.settled(), HOURS_MS);
    assertNothingBroken(world);
  });

test('an event that the broker has taken back itself is not given back any more', async () => {
  const stage = await stageOf({
    model: inTurn([{ delayMs: 10, fails: { code: 'RateLimited', billed: false, retryAfterMs: 600_000 } }, answers]),
  });
  const { world, start } = stage;
  const replica = start();
  await world.publish('event');
  await world.bound('work', false);
  await world.clock.advance(60_000);
  assert.equal(await metric(replica, 'eventagent_settle_refused'), 1);
  world.broker.dropConnections();
  await world.clock.advance(5000);
  assert.equal(await metric(replica, 'eventagent_settle_refused'), 0);
  assert.deepEqual(world.broker.counts(world.names.work), { ready: 1, unacked: 0, held: 0, total: 1 });
  await world.bound('work', true);
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual(givenUp(stage, 0), []);
  assertNothingBroken(world);
});

test('a copy that the wait queue does not take is looked at again where it is', async () => {
  const stage = await stageOf({ model: () => ({ delayMs: 60_000 }), concurrency: 2 });
  const { world, lines, start } = stage;
  start();
  world.lose(world.names.wait);
  await world.publish('event');
  await world.clock.advance(1000);
  await world.publish('event');
  const startedAt = world.clock.now();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.ok(world.clock.now() - startedAt < 90_000, 'no longer than it would have waited there');
  await world.mend(world.names.wait);
  assert.deepEqual(givenUp(stage, startedAt), []);
  assert.deepEqual(
    new Set(lines.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome]))),
    new Set(['waiting', 'done', 'duplicate']),
  );
  assertNothingBroken(world);
});

test('whoever has lost an event while its dead letter was not taken does not publish that any more', async () => {
  const { world, start } = await stageOf({ model: () => refuses });
  start();
  world.lose(world.names.dead);
  await world.publish('event');
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'decided', HOURS_MS);
  const stolen = world.store.read(world.keyOf('event'));
  await world.clock.advance(0);
  const { stored } = await stolen;
  assert.ok(stored);
  const replaced = world.store.replace(world.keyOf('event'), stored.version, {
    record: { ...stored.record, fence: 'another' },
    leaseMs: 30_000,
  });
  // Its next renewal finds out.
  await world.clock.advance(6000);
  assert.equal((await replaced).written, true);
  await world.mend(world.names.dead);
  await world.clock.advance(15_000);
  assert.deepEqual(world.copiesOf('event'), [world.names.wait], 'it is looked at as if it had just come');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual(world.copiesOf('event'), [world.names.dead]);
  assertNothingBroken(world);
});
