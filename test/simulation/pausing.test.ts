import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from './random.ts';
import type { ModelScript } from './scripted-model.ts';
import { stageOf } from './stage.ts';

const HOURS_MS = 3 * 3_600_000;
const overloaded = (delayMs: number): ModelScript => ({ delayMs, fails: { code: 'Overloaded', billed: false } });

test('after a pause the first event tries, whichever slot is idle, while a long run goes on in another', async () => {
  for (let seed = 1; seed <= 6; seed += 1) {
    let isOverloaded = true;
    const { world, start } = await stageOf({
      random: createRandom(seed),
      concurrency: 3,
      model: (event) => (event === 'long' ? { delayMs: 250_000 } : isOverloaded ? overloaded(10) : { delayMs: 1000 }),
    });
    start();
    await world.publish('long');
    await world.clock.advance(1000);
    for (const event of ['a', 'b', 'c']) await world.publish(event);
    await world.clock.advance(2000);
    isOverloaded = false;
    await world.clock.advance(30_000);
    assert.deepEqual(new Set(world.model.sold.keys()), new Set(['a', 'b', 'c']), `seed ${seed}`);
  }
});

test('an answer to a call from before the pause ends neither the pause nor the trying one by one', async () => {
  const called: string[] = [];
  const { world, start } = await stageOf({
    concurrency: 3,
    model: (event) => {
      called.push(event);
      if (event === 'old') return { delayMs: 12_000 };
      return overloaded(called.filter((name) => name !== 'old').length > 2 ? 60_000 : 1000);
    },
  });
  start();
  await world.publish('old');
  await world.publish('a');
  await world.publish('b');
  // Two calls fail, and begin a pause of five seconds; then one tries, for a minute. The old call is answered meanwhile.
  await world.clock.advance(30_000);
  assert.equal(world.model.sold.get('old'), 1);
  assert.equal(called.length, 4, `one tries at a time: ${called}`);
});

test('a Secret that an output needs and that cannot be read pauses the intake, and nothing is bought until it is there', async () => {
  let secret: string | undefined;
  const { world, lines, start } = await stageOf({
    concurrency: 2,
    output: { headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'sink', key: 'token' } }] },
    secrets: ({ name }) => (name === 'sink' ? secret : 'api-key'),
  });
  const replica = start();
  const paused = async () =>
    (await replica.scrape()).find(({ name, labels }) => name === 'eventagent_intake_paused' && labels.reason === 'secret')?.value;
  await world.publish('a');
  await world.publish('b');
  await world.clock.advance(60_000);
  assert.equal(await paused(), 1);
  assert.deepEqual([world.model.sold.size, world.sink.arrivals.size], [0, 0]);
  const ends = lines.filter(({ msg }) => msg === 'run finished');
  assert.deepEqual(
    [...new Set(ends.map(({ outcome, reason, attempt }) => `${outcome} ${reason} ${attempt}`))],
    ['handed_back SecretMissing 1'],
  );
  // The first at once, then one after 5 s, after 10 s more and after 20 s more.
  assert.equal(ends.length, 4);
  secret = 'token';
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.deepEqual([await paused(), world.model.sold.size, world.sink.effects.size], [0, 2, 2]);
});

test('the time for which an agent was suspended is one pause, and does not make its events stale', async () => {
  const suspended = { delivery: { eventTtlSeconds: 600 }, suspend: true };
  const { world, start } = await stageOf({ agent: suspended });
  const replica = start();
  await world.publish('event');
  const from = world.clock.now();
  await world.clock.advance(2 * 3_600_000);
  const noted = world.store.pausesSince(world.configuration.agent, 0);
  await world.clock.advance(0);
  const [pause, ...others] = await noted;
  assert.deepEqual(others, []);
  assert.ok(pause !== undefined && pause.from <= from && pause.until > world.clock.now());
  world.change({ agent: { ...suspended, suspend: false } });
  replica.current().die();
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  assert.equal(world.records.get('event')?.result?.outcome, 'done');
});
