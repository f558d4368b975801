import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import { createRandom } from './random.ts';
import { haunt, modelScript, sinkScript } from './trouble.ts';
import { unluckyFate } from './unlucky-fate.ts';
import { World } from './world.ts';

const SEEDS = Number(process.env.EVENTAGENT_SIMULATION_SEEDS ?? 200);
const FIRST_SEED = Number(process.env.EVENTAGENT_SIMULATION_FIRST_SEED ?? 1);
const DAYS_MS = 6 * 24 * 3_600_000;

async function play(seed: number): Promise<World> {
  const random = createRandom(seed);
  const trouble = { left: random.integer(0, 8) };
  const wanted = random.integer(1, 6);
  const world: World = new World({
    profile: random.pick(['3.10', '4.0', '4.3']),
    random,
    model: () => modelScript(random),
    sink: () => sinkScript(random),
    concurrency: random.integer(1, 3),
    outputs: random.chance(0.8) ? ['first', 'second'].slice(0, random.integer(1, 2)) : [],
    onUnknownResult: random.chance(0.8) ? 'Retry' : 'DeadLetter',
    filter: 'event.type != "unwanted"',
  });
  await world.declare();
  for (let replica = random.integer(1, 2); replica > 0; replica -= 1) {
    const started = world.start(
      () => unluckyFate(random, trouble, (ms) => started.current().freeze(ms)),
      () => random.integer(10, 20_000),
    );
  }
  haunt(random, world, trouble);
  for (let event = 0; event < wanted; event += 1) {
    const id = `event-${event}`;
    const unwanted = random.chance(0.1);
    if (unwanted) world.filtered.add(id);
    for (let copies = random.chance(0.3) ? 2 : 1; copies > 0; copies -= 1) await world.publish(id, unwanted ? 'unwanted' : 'wanted');
    await world.clock.advance(random.integer(0, 20_000));
  }
  await world.clock.runUntil(() => world.settled(), DAYS_MS);
  await world.clock.advance(300_000);
  return world;
}

test(`${SEEDS} seeds of events, crashes, freezes, redeliveries, failing and silent outputs, and a store and a broker in trouble`, async () => {
  const seen = { done: 0, dead: 0, filtered: 0, deaths: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const replay = `seed ${seed} (replay with EVENTAGENT_SIMULATION_FIRST_SEED=${seed} EVENTAGENT_SIMULATION_SEEDS=1)`;
    let world: World;
    try {
      world = await play(seed);
    } catch (cause) {
      throw new Error(`${replay}: never came to rest`, { cause });
    }
    assertNothingBroken(world, replay);
    for (const { phase } of world.records.values()) if (phase === 'done' || phase === 'dead') seen[phase] += 1;
    seen.filtered += world.filtered.size;
    seen.deaths += world.deaths;
  }
  // Trouble enough for the run to mean something.
  if (SEEDS >= 100) for (const [what, count] of Object.entries(seen)) assert.ok(count > SEEDS / 20, `${what}: ${count}`);
});
