import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import { createRandom } from './random.ts';
import { diesAt, stageOf, unharmed } from './stage.ts';

const DAYS_MS = 3 * 86_400_000;

test('an event whose run died with its process runs alone in the next one', async () => {
  const underWay = new Set<{ readonly event: string }>();
  const beside = new Map<string, readonly string[]>();
  const { world, lines, start } = await stageOf({
    concurrency: 3,
    model: (event) => {
      beside.set(
        event,
        [...underWay].map((call) => call.event),
      );
      const call = { event };
      underWay.add(call);
      world.clock.timer(20_000, () => underWay.delete(call));
      return { delayMs: 20_000 };
    },
  });
  const replica = start();
  await world.publish('crashed');
  await world.clock.advance(1000);
  replica.current().die();
  underWay.clear();
  await world.clock.advance(20_000);
  for (let index = 0; index < 12; index += 1) await world.publish(`event-${index}`);
  await world.clock.runUntil(() => world.settled(), DAYS_MS);
  assertNothingBroken(world);
  assert.deepEqual(beside.get('crashed'), []);
  for (const [event, others] of beside) assert.ok(event === 'crashed' || !others.includes('crashed'), `${event} beside ${others}`);
  assert.ok(Math.max(...[...beside.values()].map(({ length }) => length)) > 0, 'the others run beside each other');
  assert.deepEqual(
    lines.flatMap(({ msg, eventId, restarts }) => (msg === 'run started' && eventId === 'crashed' ? [restarts] : [])),
    [undefined, 1],
  );
});

test('an event that ends five processes is not run again: it becomes a dead letter, and its neighbours come through', async () => {
  const { world, start } = await stageOf({ concurrency: 2, model: () => ({ delayMs: 3000 }) });
  start(diesAt(...Array<string>(9).fill('model.call poison')));
  await world.publish('neighbour');
  await world.publish('poison');
  await world.clock.runUntil(() => world.settled(), DAYS_MS);
  assertNothingBroken(world);
  assert.equal(world.deaths, 5);
  // It was run beside it once, and then no more: whatever it was in hand for after that, no answer was bought again.
  assert.ok((world.model.sold.get('neighbour') ?? 0) <= 2);
  const [deadLetter, ...others] = world.broker.messages(world.names.dead);
  assert.deepEqual([deadLetter?.headers['ea-reason'], deadLetter?.headers['ea-attempts'], others.length], ['CrashLoop', 1, 0]);
  assert.match(String(deadLetter?.headers['ea-error']), /^5 runs of this event were begun and did not come to an end/);
  assert.equal(world.records.get('neighbour')?.phase, 'done');
});

test('a request that may have been sent before a crash is a dead letter where its author wants that, and is not sent again', async () => {
  const { world, start } = await stageOf({ onUnknownResult: 'DeadLetter' });
  let died = false;
  const after = (call: string) => {
    if (died || call !== 'send out') return false;
    died = true;
    return true;
  };
  start({ ...unharmed, after });
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), DAYS_MS);
  assertNothingBroken(world);
  const [deadLetter] = world.broker.messages(world.names.dead);
  assert.deepEqual([deadLetter?.headers['ea-reason'], [...world.sink.arrivals.values()]], ['OutputUnknown', [1]]);
});

for (const runTimeoutSeconds of [300, 1500])
  test(`an event that must run alone does so although long runs follow each other, run timeout ${runTimeoutSeconds} s`, async () => {
    const longestMs = (runTimeoutSeconds - 60) * 1000;
    for (let seed = 1; seed <= 4; seed += 1) {
      const random = createRandom(seed);
      const { world, start } = await stageOf({
        random,
        concurrency: 3,
        model: (event) => ({ delayMs: event === 'crashed' ? 1000 : random.integer(longestMs / 2, longestMs) }),
        agent: { delivery: { runTimeoutSeconds, eventTtlSeconds: 604_800 } },
      });
      const replica = start();
      await world.publish('crashed');
      await world.clock.advance(500);
      replica.current().die();
      // More than can be run: there is always one more.
      for (let index = 0; index < 30 && world.records.get('crashed')?.phase !== 'done'; index += 1) {
        await world.publish(`event-${index}`);
        await world.clock.advance(longestMs / 6);
      }
      assert.equal(world.records.get('crashed')?.phase, 'done', `seed ${seed}`);
      await world.clock.runUntil(() => world.settled(), DAYS_MS);
      assertNothingBroken(world);
    }
  });
