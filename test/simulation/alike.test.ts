import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import type { SinkScript } from './sink.ts';
import { takesIt } from './sink.ts';
import { stageOf } from './stage.ts';

const DAY_MS = 24 * 3_600_000;
const refuses: SinkScript = { takes: false, answer: { kind: 'answered', status: 422, rateLimited: false }, delayMs: 10 };

test('a sink that refuses every event costs four dead letters, not the whole queue; mended, everything else is done, and nothing is bought again', async () => {
  let isBroken = true;
  const { world, lines, start } = await stageOf({ concurrency: 2, sink: () => (isBroken ? refuses : takesIt) });
  const replicas = [start(), start()];
  for (let event = 0; event < 40; event += 1) await world.publish(`event-${event}`);
  await world.clock.advance(3_600_000);
  const dead = world.broker.messages(world.names.dead);
  assert.equal(dead.length, 4);
  const said = lines.find(({ msg }) => msg.startsWith('event after event fails alike'));
  assert.equal(said?.reason, 'OutputRejected');
  assert.equal(said?.fingerprint, dead[0]?.headers['ea-fingerprint']);
  for (const replica of replicas) {
    const scraped = await replica.scrape();
    assert.equal(scraped.find(({ name }) => name === 'eventagent_failing_alike')?.value, 1);
    assert.equal(scraped.find(({ name, labels }) => name === 'eventagent_intake_paused' && labels.reason === 'alike')?.value, 1);
  }
  const tried = world.sink.arrivals.size;
  assert.ok(tried <= 4 + 2 * 2 + 2 * 20, `${tried} were tried in an hour`);
  isBroken = false;
  await world.clock.runUntil(() => world.settled(), DAY_MS);
  assertNothingBroken(world);
  assert.deepEqual([world.sink.effects.size, world.broker.messages(world.names.dead).length], [36, 4]);
  assert.deepEqual(
    [...world.model.sold.values()].filter((times) => times > 1),
    [],
  );
});

test('what lies with single events is given up as ever', async () => {
  const { world, start } = await stageOf({ model: () => ({ delayMs: 10, stopReason: 'refusal' }) });
  start();
  for (let event = 0; event < 12; event += 1) await world.publish(`event-${event}`);
  await world.clock.runUntil(() => world.settled(), 600_000);
  assert.equal(world.broker.messages(world.names.dead).length, 12);
});

test('a model that fails for good is no reason to buy again and again: those events are given up', async () => {
  const { world, start } = await stageOf({
    model: () => ({ delayMs: 10, fails: { code: 'ServerError', billed: false } }),
    agent: { delivery: { maxAttempts: 2, retryDelaysSeconds: [1] } },
  });
  start();
  for (let event = 0; event < 8; event += 1) await world.publish(`event-${event}`);
  await world.clock.runUntil(() => world.settled(), 600_000);
  assert.equal(world.broker.messages(world.names.dead).length, 8);
});

test('a sink that is busy for ever costs four dead letters', async () => {
  const { world, start } = await stageOf({
    sink: () => ({ ...refuses, answer: { kind: 'answered', status: 503, rateLimited: false } }),
    agent: { delivery: { maxAttempts: 2, retryDelaysSeconds: [1] } },
  });
  start();
  for (let event = 0; event < 12; event += 1) await world.publish(`event-${event}`);
  await world.clock.advance(3_600_000);
  assert.equal(world.broker.messages(world.names.dead).length, 4);
});

test('a success in between is the end of a row', async () => {
  let sent = 0;
  const { world, start } = await stageOf({ sink: () => (++sent % 4 === 0 ? takesIt : refuses) });
  start();
  for (let event = 0; event < 16; event += 1) await world.publish(`event-${event}`);
  await world.clock.runUntil(() => world.settled(), 600_000);
  assert.deepEqual([world.broker.messages(world.names.dead).length, world.sink.effects.size], [12, 4]);
});
