import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redrive } from '../../src/redrive/redrive.ts';
import { assertNothingBroken } from './invariants.ts';
import { type SinkScript, takesIt } from './sink.ts';
import { diesAt, inTurn, stageOf } from './stage.ts';
import type { World } from './world.ts';

const HOURS_MS = 3 * 3_600_000;

/** Takes the request, and its answer is lost: the copy that repeats it must carry the same key. */
const silent: SinkScript = { takes: true, answer: { kind: 'unknown', error: 'ECONNRESET' }, delayMs: 20 };
const busy: SinkScript = { takes: false, answer: { kind: 'answered', status: 503, rateLimited: false }, delayMs: 20 };

/** Whether the one copy that there is waits for its next attempt. */
function isInTier(world: World): boolean {
  const queues = world.copiesOf('event');
  return queues.length === 1 && queues.every((queue) => queue.includes('.retry.'));
}

test('an event without an id is one event in all its copies, also where its key is made of the id that it lacks', async () => {
  const { world, start } = await stageOf({
    agent: { idempotency: { key: 'event.type + "/" + event.id' } },
    sink: inTurn([silent, takesIt]),
  });
  start();
  await world.publishWithoutId('event');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual([world.records.size, world.sink.effects.size, world.model.sold.get('event')], [1, 1, 1]);
  assert.deepEqual([...world.sink.arrivals.values()], [2]);
});

test('an event that waits for its next attempt stays the same event when the key of its agent is changed', async () => {
  const { world, start } = await stageOf({ agent: { idempotency: { key: 'event.id' } }, sink: inTurn([silent, takesIt]) });
  const replica = start();
  await world.publish('event');
  await world.clock.runUntil(() => isInTier(world), HOURS_MS);
  world.change({ agent: { idempotency: { key: '"another " + event.id' } } });
  replica.current().die();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual([world.records.size, world.sink.effects.size], [1, 1]);
});

test('a dead letter carries the key of its event', async () => {
  const { world, start } = await stageOf({
    agent: { idempotency: { key: 'event.type + "/" + event.id' } },
    model: () => ({ delayMs: 10, stopReason: 'refusal' }),
  });
  start();
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  const [deadLetter] = world.broker.messages(world.names.dead);
  assert.deepEqual([...world.records.keys()], [deadLetter?.headers['ea-key']]);
});

test('an event that was let through once is not judged again by a filter that was changed meanwhile', async () => {
  const { world, start } = await stageOf({ filter: 'event.type == "test"', sink: inTurn([busy, takesIt]) });
  const replica = start();
  await world.publish('event');
  await world.clock.runUntil(() => isInTier(world), HOURS_MS);
  world.change({ filter: 'event.type == "another"' });
  replica.current().die();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assertNothingBroken(world);
  assert.deepEqual([world.records.get('event')?.phase, world.sink.effects.size], ['done', 1]);
});

for (const [what, filter, end, calls] of [
  ['fails the filter', 'event.data.missing == 1', 'dead', ['store.update decided']],
  ['the filter does not want', 'event.type == "wanted"', 'filtered', ['ack', 'store.update done']],
] as const)
  test(`an event that ${what} is not let through by having had to wait`, async () => {
    const { world, lines, start } = await stageOf({ filter });
    // Delivered anew before the lease of the process that died is over, it is put aside.
    start(diesAt(...calls));
    if (end === 'filtered') world.filtered.add('event');
    await world.publish('event');
    await world.clock.runUntil(() => world.settled(), HOURS_MS);
    assertNothingBroken(world);
    assert.deepEqual(
      lines.flatMap(({ outcome, reason }) => (outcome === undefined ? [] : [[outcome, reason]])),
      [
        ['waiting', 'Leased'],
        [end, end === 'dead' ? 'FilterError' : ''],
      ],
    );
    assert.equal(world.model.sold.get('event'), undefined);
  });

test('a dead letter that is redriven and that the filter does not want any more has ended by it, and leaves a receipt', async () => {
  const { world, start } = await stageOf({ model: () => ({ delayMs: 10, stopReason: 'refusal' }) });
  const replica = start();
  await world.publish('event');
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'dead', HOURS_MS);
  world.change({ filter: 'event.type == "another"' });
  replica.current().die();
  const { store, clock, names } = world;
  const request = { agent: world.configuration.agent, names, isMeant: () => true, dryRun: false, intervalMs: 0 };
  const never = new AbortController().signal;
  void redrive(request, { connection: world.broker.connect(), store, clock, connect: () => never, onProgress: () => {} });
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'done', HOURS_MS);
  const { gen, result } = world.records.get('event') ?? {};
  assert.deepEqual([gen, result?.outcome], [1, 'filtered']);
});
