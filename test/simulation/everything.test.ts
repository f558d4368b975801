import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken, assertNothingOverspent } from './invariants.ts';
import { createRandom } from './random.ts';
import { startRedrive } from './redriving.ts';
import { haunt, modelScript, sinkScript } from './trouble.ts';
import { unluckyFate } from './unlucky-fate.ts';
import { World } from './world.ts';

/** Such a world takes four times as long as one without budgets and redrives. */
const SEEDS = Number(process.env.EVENTAGENT_SIMULATION_SEEDS ?? 50);
const FIRST_SEED = Number(process.env.EVENTAGENT_SIMULATION_FIRST_SEED ?? 1);
const DAY_MS = 24 * 3_600_000;
const MAX_TOKENS = 100;
/** The most that a call of the simulation can use. */
const MOST = 400;

interface Played {
  readonly world: World;
  readonly perDay: number;
  readonly redrives: number;
  readonly changes: number;
}

/** Events, replicas, trouble and redrives at random, of an agent that has every limit there is; its prompt's model changes now and then. */
async function play(seed: number): Promise<Played> {
  const random = createRandom(seed);
  const trouble = { left: random.integer(0, 10) };
  const perDay = random.chance(0.15) ? random.integer(MOST + 60, MOST + 250) : random.integer(5 * MOST, 40 * MOST);
  const agent = {
    budget: { perDay: { tokens: perDay }, ...(random.chance(0.5) ? { perEvent: { tokens: random.integer(MOST, 4 * MOST) } } : {}) },
    ...(random.chance(0.5) ? { rateLimit: { events: { limit: random.integer(1, 10), periodSeconds: 60 } } } : {}),
    maxTokens: MAX_TOKENS,
  };
  const world: World = new World({
    profile: random.pick(['3.10', '4.0', '4.3']),
    random,
    // A budget that is spent is so for an hour, mostly: a day of waiting costs seconds.
    startAt: '2026-01-01T23:00:00Z',
    model: () => modelScript(random),
    sink: () => sinkScript(random),
    concurrency: random.integer(1, 3),
    outputs: ['first', 'second'].slice(0, random.integer(1, 2)),
    onUnknownResult: random.chance(0.8) ? 'Retry' : 'DeadLetter',
    agent,
  });
  await world.declare();
  const restartMs = () => random.integer(10, 20_000);
  for (let replica = random.integer(1, 3); replica > 0; replica -= 1) {
    const started = world.start(() => unluckyFate(random, trouble, (ms) => started.current().freeze(ms)), restartMs);
  }
  haunt(random, world, trouble);
  let changes = 0;
  let redrives = 0;
  const redrive = async () => {
    redrives += 1;
    const { ended } = startRedrive(world, `redrive-${redrives}`, () => unluckyFate(random, trouble, () => {}), restartMs);
    await world.clock.runUntil(() => ended() !== undefined, 5 * DAY_MS);
  };
  for (let event = random.integer(3, 10); event > 0; event -= 1) {
    await world.publish(`event-${event}`);
    await world.clock.advance(random.integer(0, 20_000));
    if (random.chance(0.1)) {
      changes += 1;
      world.change({ agent: { ...agent, model: changes % 2 === 1 ? 'claude-opus-5' : 'claude-sonnet-5-5' } });
    }
    if (random.chance(0.2)) await redrive();
  }
  await world.clock.runUntil(() => world.settled(), 30 * DAY_MS);
  for (let times = random.integer(0, 2); times > 0; times -= 1) {
    await redrive();
    await world.clock.runUntil(() => world.settled(), 30 * DAY_MS);
  }
  await world.clock.advance(300_000);
  return { world, perDay, redrives, changes };
}

test(`${SEEDS} seeds of all of it together: budgets, rates, the provider's bad days, redrives, a changed model, crashes, freezes, and a store and a broker in trouble`, async () => {
  const seen = { done: 0, dead: 0, deaths: 0, redriven: 0, changes: 0, days: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const replay = `seed ${seed} (replay with EVENTAGENT_SIMULATION_FIRST_SEED=${seed} EVENTAGENT_SIMULATION_SEEDS=1)`;
    let played: Played;
    try {
      played = await play(seed);
    } catch (cause) {
      throw new Error(`${replay}: never came to rest`, { cause });
    }
    const { world, perDay, changes } = played;
    assertNothingBroken(world, replay);
    await assertNothingOverspent(world, perDay, replay);
    for (const { phase, gen } of world.records.values()) {
      if (phase === 'done' || phase === 'dead') seen[phase] += 1;
      if (gen > 0) seen.redriven += 1;
    }
    seen.deaths += world.deaths;
    seen.changes += changes;
    seen.days += Math.floor((world.clock.now() - Date.UTC(2026, 0, 1)) / DAY_MS);
  }
  // Trouble enough for the run to mean something.
  if (SEEDS >= 20) for (const [what, count] of Object.entries(seen)) assert.ok(count > SEEDS / 50, `${what}: ${count}`);
});
