import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import { takesIt } from './sink.ts';
import { diesAt, inTurn, type Stage, stageOf, unharmed } from './stage.ts';

const HOURS_MS = 3 * 3_600_000;

/** What the store says of the day, and what the receipts of all events come to. */
async function costs({ world }: Pick<Stage, 'world'>) {
  const { agent } = world.configuration;
  const asked = Promise.all([world.store.costToday(agent), world.store.receipts(agent, 0)]);
  await world.clock.advance(0);
  const [today, receipts] = await asked;
  return {
    today,
    receipts: receipts.map(({ costNanoUsd }) => Number(costNanoUsd)).reduce((sum, one) => sum + one, 0),
    count: receipts.length,
  };
}

test('the cost of the day is that of its receipts: retries, dead letters and calls without an answer among them, over two replicas', async () => {
  const cut = { delayMs: 1000, fails: { code: 'Cut', billed: true } } as const;
  const refused = { delayMs: 10, stopReason: 'refusal' } as const;
  const scene = await stageOf({
    model: inTurn([cut, { delayMs: 1000 }, refused, { delayMs: 500 }, cut, refused, { delayMs: 20 }]),
    priceOf: () => 7_000_000_001,
  });
  scene.start();
  scene.start();
  for (let event = 0; event < 8; event += 1) await scene.world.publish(`event-${event}`);
  await scene.world.clock.runUntil(() => scene.world.settled(), HOURS_MS);
  assertNothingBroken(scene.world);
  const { today, receipts, count } = await costs(scene);
  assert.equal(count, 8);
  assert.equal(today, receipts);
  assert.ok(receipts >= 9 * 7_000_000_001, `${receipts}`);
});

test('a process that dies before what it bought is written loses it for the day as for the receipt, and what was written counts once', async () => {
  for (const fate of [diesAt('store.update done'), diesAfter('store.update done'), diesAt('store.update running'), unharmed]) {
    const scene = await stageOf({ sink: inTurn([takesIt]), priceOf: () => 7 });
    scene.start(fate);
    await scene.world.publish('event');
    await scene.world.clock.runUntil(() => scene.world.settled(), HOURS_MS);
    const { today, receipts, count } = await costs(scene);
    assert.deepEqual([today, count], [receipts, 1]);
    assert.ok(receipts >= 7);
  }
});

test('of a model without a known price the cost of the day is unknown, and never 0', async () => {
  const scene = await stageOf({ priceOf: () => undefined });
  scene.start();
  await scene.world.publish('event');
  await scene.world.clock.runUntil(() => scene.world.settled(), HOURS_MS);
  assert.equal((await costs(scene)).today, 'unknown');
});

/** A process that dies just after the first such call. */
function diesAfter(call: string): typeof unharmed {
  let isDue = true;
  return {
    ...unharmed,
    after: (made) => {
      const dies = isDue && made === call;
      isDue &&= !dies;
      return dies;
    },
  };
}
