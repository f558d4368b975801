import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchedule } from '../../src/compile/schedule.ts';
import { eventAgent } from '../support/agent.ts';
import { agentSchedule } from '../support/schedule.ts';
import { sumOf } from '../support/scrape.ts';
import type { Fate } from './incarnation.ts';
import { assertNothingBroken } from './invariants.ts';
import { profiles } from './profiles.ts';
import { createRandom } from './random.ts';
import type { ModelScript } from './scripted-model.ts';
import { takesIt } from './sink.ts';
import { inTurn, unharmed } from './stage.ts';
import { type SimulatedTick, startTick } from './ticking.ts';
import { unluckyFate } from './unlucky-fate.ts';
import { World, type WorldOptions } from './world.ts';

const SLOT = Date.parse('2026-01-01T00:00:00Z');
const MINUTE_MS = 60_000;
const HOURS_MS = 12 * 3_600_000;

const configurationOf = (every: '1m' | '10m') => compileSchedule(agentSchedule({ spec: { every } }), eventAgent(), { uid: 'uid' });
const configuration = configurationOf('1m');

interface Scenario {
  /** What the model does, call after call; the last goes on for ever. */
  readonly model?: readonly [ModelScript, ...ModelScript[]];
  readonly agent?: NonNullable<WorldOptions['agent']>;
  readonly every?: '1m' | '10m';
  readonly filter?: string;
  /** When the runner is started, after the first slot. */
  readonly runnerAtMs: number;
  /** Slots after the first one, in minutes. */
  readonly further?: readonly number[];
  /** How the ticks may end, undisturbed. */
  readonly ends: readonly string[];
}

/** Whatever a crash delays may expire: the world cannot tell a late runner from none. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'all goes well': { runnerAtMs: 0, ends: ['done'] },
  'the event becomes a dead letter': { runnerAtMs: 0, model: [{ delayMs: 100, stopReason: 'refusal' }], ends: ['dead'] },
  'the filter does not want it': { runnerAtMs: 0, filter: 'event.type == "other"', ends: ['filtered'] },
  'nobody takes it in time': { runnerAtMs: 2 * MINUTE_MS, ends: ['expired'] },
  'the agent knows its events by another key, and fails at first': {
    runnerAtMs: 0,
    agent: { idempotency: { key: 'event.type' }, delivery: { retryDelaysSeconds: [5] } },
    model: [{ delayMs: 100, fails: { code: 'ServerError', billed: false } }, { delayMs: 1000 }],
    ends: ['done'],
  },
  'it waits longer than the agent lets events live': {
    runnerAtMs: 2 * MINUTE_MS,
    every: '10m',
    agent: { delivery: { eventTtlSeconds: 60 } },
    ends: ['stale'],
  },
  'the runner comes as it expires': { runnerAtMs: MINUTE_MS - 40, ends: ['done', 'expired'] },
  'its run takes longer than the next slot': {
    runnerAtMs: 0,
    model: [{ delayMs: 100_000 }],
    further: [1, 2],
    ends: ['done', 'skipped', 'done'],
  },
  'the one before was not taken': { runnerAtMs: MINUTE_MS + 5000, further: [1], ends: ['expired', 'done'] },
};

interface Played {
  readonly world: World;
  readonly ticks: readonly SimulatedTick[];
  readonly calls: readonly string[];
}

async function play(scenario: Scenario, profile: '3.10' | '4.0' | '4.3', crashAt?: number): Promise<Played> {
  const calls: string[] = [];
  const passed = (call: string) => {
    // Looking at what replicas share changes nothing, and is done all the time.
    if (call.endsWith('store.readCell')) return false;
    calls.push(call);
    return calls.length - 1 === crashAt;
  };
  const fateOf = (process: string): Fate => ({
    before: (name) => passed(`${process}: before ${name}`),
    after: (name) => passed(`${process}: after ${name}`),
    acknowledging: () => {},
  });
  const world = new World({
    profile,
    random: createRandom(1),
    model: inTurn(scenario.model ?? [{ delayMs: 1000 }]),
    sink: () => takesIt,
    concurrency: 1,
    outputs: ['first', 'second'],
    ...(scenario.filter === undefined ? {} : { filter: scenario.filter }),
    ...(scenario.agent === undefined ? {} : { agent: scenario.agent }),
  });
  await world.declare();
  world.clock.timer(scenario.runnerAtMs, () => {
    world.start(
      () => fateOf('runner'),
      () => 1000,
    );
  });
  const ticks = [SLOT];
  const started: SimulatedTick[] = [];
  const begin = (slot: number) => {
    const tick = startTick(
      world,
      configurationOf(scenario.every ?? '1m'),
      slot,
      () => fateOf('tick'),
      () => 1000,
    );
    if (scenario.filter !== undefined) world.filtered.add(tick.eventId);
    started.push(tick);
  };
  for (const minutes of scenario.further ?? []) ticks.push(SLOT + minutes * MINUTE_MS);
  for (const slot of ticks) {
    await world.clock.advance(Math.max(0, slot + 1000 - world.clock.now()));
    begin(slot);
  }
  await world.clock.runUntil(() => started.every(({ end, error }) => end !== undefined || error !== undefined), HOURS_MS);
  await world.clock.advance(10 * MINUTE_MS);
  return { world, ticks: started, calls };
}

/** One run, whose record is final and as the tick says; expired exactly where nobody ever began it. */
function assertTicks({ world, ticks }: Played, where: string): void {
  for (const { eventId, end, error } of ticks) {
    assert.equal(error, undefined, where);
    assert.ok(end !== undefined, where);
    const record = world.records.get(eventId);
    if (end.outcome === 'skipped') {
      assert.equal(record, undefined, `${where}: a tick that was skipped has published nothing`);
      world.published.delete(eventId);
      continue;
    }
    assert.ok(record?.phase === 'done' || record?.phase === 'dead', `${where}: ${eventId} is ${record?.phase}`);
    assert.equal(record.result?.outcome, end.outcome, where);
    const wasRun = (world.model.sold.get(eventId) ?? 0) > 0 || ['dead', 'filtered', 'stale'].includes(end.outcome);
    assert.equal(end.outcome === 'expired', !wasRun, `${where}: ${eventId} ended as ${end.outcome}`);
  }
  assertNothingBroken(world, where);
}

for (const profile of profiles)
  for (const [name, scenario] of Object.entries(scenarios))
    test(`RabbitMQ ${profile}: ${name}: a crash before and after every port call of tick and runner`, async () => {
      const plain = await play(scenario, profile);
      assertTicks(plain, 'undisturbed');
      const ends = plain.ticks.map(({ end }) => end?.outcome ?? '');
      if (name === 'the runner comes as it expires') assert.ok(scenario.ends.includes(ends[0] ?? ''));
      else assert.deepEqual(ends, scenario.ends);
      // A crash in the middle of waiting is like any other in the middle of waiting.
      const waits = new Map<string, number>();
      for (const [crashAt, call] of plain.calls.entries()) {
        const times = (waits.get(call) ?? 0) + 1;
        waits.set(call, times);
        if (times > 12 && times % 20 !== 0) continue;
        const played = await play(scenario, profile, crashAt);
        const where = `crash at call ${crashAt} of ${plain.calls.length} (${call})`;
        assertTicks(played, where);
        assert.equal(played.world.deaths + played.ticks.reduce((sum, { deaths }) => sum + deaths, 0), 1, where);
      }
    });

test('a runner that comes too late lets an event expire that no tick waits for any more, and counts it', async () => {
  const world = new World({
    profile: '4.3',
    random: createRandom(1),
    model: () => ({ delayMs: 1000 }),
    sink: () => takesIt,
    concurrency: 1,
    outputs: ['first'],
  });
  await world.declare();
  const dying: Fate = { ...unharmed, after: (call) => call === 'publish work' };
  const tick = startTick(
    world,
    configuration,
    SLOT,
    () => dying,
    () => HOURS_MS,
  );
  await world.clock.advance(2 * MINUTE_MS);
  assert.equal(tick.deaths, 1);
  const runner = world.start(
    () => unharmed,
    () => 1000,
  );
  await world.clock.advance(MINUTE_MS);
  assert.deepEqual(world.records.get(tick.eventId)?.result?.outcome, 'expired');
  assert.equal(world.model.sold.size, 0);
  assert.equal(sumOf(await runner.scrape(), 'eventagent_events_total', { outcome: 'expired' }), 1);
  assertNothingBroken(world);
});

test('every copy of a tick says that it is one, and when it expires', async () => {
  const world = new World({
    profile: '4.3',
    random: createRandom(1),
    model: inTurn([
      { delayMs: 100, fails: { code: 'ServerError', billed: false } },
      { delayMs: 100, stopReason: 'refusal' },
    ]),
    sink: () => takesIt,
    concurrency: 1,
    outputs: ['first'],
    agent: { delivery: { retryDelaysSeconds: [60] } },
  });
  await world.declare();
  startTick(
    world,
    configuration,
    SLOT,
    () => unharmed,
    () => 1000,
  );
  world.start(
    () => unharmed,
    () => 1000,
  );
  const copyIn = (queue: string) => {
    const [copy, ...others] = world.broker.messages(queue);
    assert.equal(others.length, 0);
    return { tick: copy?.headers['ea-tick'], expiresAt: copy?.headers['ea-expires-at'] };
  };
  const said = { tick: true, expiresAt: new Date(SLOT + MINUTE_MS).toISOString() };
  await world.clock.advance(10_000);
  assert.deepEqual(copyIn(world.names.tier(60_000)), said);
  await world.clock.advance(2 * MINUTE_MS);
  assert.deepEqual(copyIn(world.names.dead), said);
});

const SEEDS = Number(process.env.EVENTAGENT_SIMULATION_SEEDS ?? 200);
const FIRST_SEED = Number(process.env.EVENTAGENT_SIMULATION_FIRST_SEED ?? 1);

/** A few slots in a world where ticks and runner die and freeze, and broker and store go away. */
async function playSeed(seed: number): Promise<Played> {
  const random = createRandom(seed);
  const trouble = { left: random.integer(0, 8) };
  const world = new World({
    profile: random.pick(['3.10', '4.0', '4.3']),
    random,
    model: () => ({
      delayMs: random.integer(1, random.chance(0.2) ? 90_000 : 3000),
      ...(random.chance(0.2) ? { fails: { code: random.pick(['ServerError', 'Overloaded', 'Cut']), billed: false } } : {}),
    }),
    sink: () => takesIt,
    concurrency: random.integer(1, 2),
    outputs: ['first', 'second'].slice(0, random.integer(0, 2)),
  });
  await world.declare();
  const fateOf = (freeze: (ms: number) => void) => unluckyFate(random, trouble, freeze);
  const haunt = () => {
    world.clock.timer(random.integer(500, 60_000), () => {
      if (trouble.left <= 0) return;
      trouble.left -= 1;
      const what = random.integer(0, 2);
      if (what === 0) world.broker.dropConnections();
      else if (what === 1) world.broker.restart(random.integer(0, 40_000));
      else {
        world.storeDown = true;
        world.clock.timer(random.integer(1000, 40_000), () => {
          world.storeDown = false;
        });
      }
      haunt();
    });
  };
  haunt();
  world.clock.timer(random.chance(0.3) ? random.integer(0, 200_000) : 0, () => {
    const runner = world.start(
      () => fateOf((ms) => runner.current().freeze(ms)),
      () => random.integer(10, 20_000),
    );
  });
  const started: SimulatedTick[] = [];
  for (let minute = 0, count = random.integer(1, 4); count > 0; count -= 1) {
    const slot = SLOT + minute * MINUTE_MS;
    await world.clock.advance(Math.max(0, slot + random.integer(0, 20_000) - world.clock.now()));
    const restartMs = () => random.integer(10, 30_000);
    started.push(startTick(world, configuration, slot, () => fateOf(() => {}), restartMs));
    minute += random.integer(1, 2);
  }
  await world.clock.runUntil(() => started.every(({ end, error }) => end !== undefined || error !== undefined), 2 * HOURS_MS);
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  await world.clock.advance(10 * MINUTE_MS);
  return { world, ticks: started, calls: [] };
}

test(`${SEEDS} seeds of slots, with ticks and runners that die and freeze, and a broker and a store in trouble`, async () => {
  const seen = new Map<string, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const replay = `seed ${seed} (replay with EVENTAGENT_SIMULATION_FIRST_SEED=${seed} EVENTAGENT_SIMULATION_SEEDS=1)`;
    let played: Played;
    try {
      played = await playSeed(seed);
    } catch (cause) {
      throw new Error(`${replay}: never came to rest`, { cause });
    }
    assertTicks(played, replay);
    for (const { end } of played.ticks) seen.set(end?.outcome ?? '', (seen.get(end?.outcome ?? '') ?? 0) + 1);
  }
  if (SEEDS >= 100) for (const outcome of ['done', 'expired', 'skipped']) assert.ok((seen.get(outcome) ?? 0) > SEEDS / 20, outcome);
});
