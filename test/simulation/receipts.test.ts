import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '../../src/api/receipt.ts';
import { MAX_RECORD_BYTES } from '../../src/runner/record-size.ts';
import { assertNothingBroken } from './invariants.ts';
import { type SinkScript, takesIt } from './sink.ts';
import { diesAt, inTurn, type Stage, stageOf, unharmed } from './stage.ts';

const HOURS_MS = 3 * 3_600_000;
const busy: SinkScript = { takes: false, answer: { kind: 'answered', status: 503, rateLimited: false }, delayMs: 20 };

async function receiptsOf({ world }: Pick<Stage, 'world'>): Promise<readonly Receipt[]> {
  const receipts = world.store.receipts(world.configuration.agent, 0);
  await world.clock.advance(0);
  return receipts;
}

test('an event that is done leaves a receipt of all that its attempts have bought, and nothing of what was said', async () => {
  const scene = await stageOf({
    model: inTurn([{ delayMs: 1000, fails: { code: 'Cut', billed: true } }, { delayMs: 1000 }]),
    sink: inTurn([busy, takesIt]),
    priceOf: () => 7,
  });
  scene.start();
  const startedAt = scene.world.clock.now();
  await scene.world.publish('event');
  await scene.world.clock.runUntil(() => scene.world.settled(), HOURS_MS);
  const [receipt, ...others] = await receiptsOf(scene);
  assert.ok(receipt);
  const { startedAt: begun, endedAt, ...rest } = receipt;
  assert.deepEqual(rest, {
    id: 'event',
    type: 'test',
    outcome: 'done',
    attempts: 3,
    redrives: 0,
    turns: 2,
    inputTokens: 20,
    outputTokens: 40,
    costNanoUsd: 14,
    estimated: true,
    freshStarts: 0,
  });
  assert.ok(begun >= startedAt && endedAt > begun && endedAt <= scene.world.clock.now());
  assert.deepEqual(others, []);
});

test('a dead letter leaves one with its reason, and an event that the filter does not want leaves none', async () => {
  const scene = await stageOf({ model: () => ({ delayMs: 10, stopReason: 'refusal' }), filter: 'event.type == "test"' });
  scene.start();
  scene.world.filtered.add('unwanted');
  await scene.world.publish('unwanted', 'other');
  await scene.world.publish('refused');
  await scene.world.clock.runUntil(() => scene.world.settled(), HOURS_MS);
  assertNothingBroken(scene.world);
  assert.deepEqual(
    (await receiptsOf(scene)).map(({ id, outcome, reason, turns }) => [id, outcome, reason, turns]),
    [['refused', 'dead', 'Refused', 1]],
  );
});

test('a model that is changed between two attempts, before any output, starts anew, and the receipt says so', async () => {
  const scene = await stageOf();
  const { world, start } = scene;
  const replica = start();
  await world.publish('event');
  await world.clock.advance(500);
  // The answer is bought, and no output begins any more.
  void replica.close();
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'parked', HOURS_MS);
  assert.notEqual(world.records.get('event')?.turn, undefined);
  world.change({ agent: { model: 'claude-opus-5' } });
  start();
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'done', HOURS_MS);
  assert.deepEqual(
    (await receiptsOf(scene)).map(({ outcome, turns, freshStarts }) => [outcome, turns, freshStarts]),
    [['done', 2, 1]],
  );
});

/** An answer that fits into a record once, and with the request that is made of it no longer. */
const LARGE = 'x'.repeat(Math.floor(MAX_RECORD_BYTES * 0.6));
const warned = ({ lines }: Stage) => lines.filter(({ msg }) => /too large to keep its answer/.test(msg)).length;

test('a record that would be too large is kept without the answer, and the event is done all the same', async () => {
  const scene = await stageOf({ model: () => ({ delayMs: 10, text: LARGE }) });
  const kept: boolean[] = [];
  const { world } = scene;
  scene.start({
    ...unharmed,
    after: (call) => {
      if (call === 'send out') kept.push(world.records.get('event')?.turn !== undefined);
      return false;
    },
  });
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual([kept, world.sink.effects.size, world.records.get('event')?.phase, warned(scene)], [[false], 1, 'done', 1]);
  assert.equal((await receiptsOf(scene))[0]?.turns, 1);
});

for (const [when, calls, sold] of [
  ['all outputs had their requests: it is not needed any more', ['send b'], 1],
  ['an output had none yet: it is bought again', ['store.update running', 'store.update running'], 2],
] as const)
  test(`an answer that a large record did not keep, and a process that died when ${when}`, async () => {
    const scene = await stageOf({ model: () => ({ delayMs: 10, text: LARGE }), outputs: ['a', 'b'] });
    const { world } = scene;
    // The first of the two calls is let pass.
    const [first, second] = calls;
    const fate = diesAt(second ?? first);
    let passed = second === undefined;
    scene.start({
      ...fate,
      before: (call) => {
        if (!passed && call === first) {
          passed = true;
          return false;
        }
        return passed && fate.before(call);
      },
    });
    await world.publish('event');
    await world.clock.runUntil(() => world.settled(), HOURS_MS);
    assert.deepEqual([world.deaths, world.model.sold.get('event'), world.sink.effects.size], [1, sold, 2]);
    assert.equal(warned(scene), sold, 'each process that leaves an answer out says so once');
    assert.deepEqual([world.sink.contradictions, world.records.get('event')?.phase], [[], 'done']);
  });
