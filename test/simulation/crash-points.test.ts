import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RedriveCounts } from '../../src/api/redrive-progress.ts';
import type { Fate } from './incarnation.ts';
import { assertNothingBroken, assertNothingOverspent } from './invariants.ts';
import { profiles } from './profiles.ts';
import { createRandom } from './random.ts';
import { startRedrive } from './redriving.ts';
import type { ModelScript } from './scripted-model.ts';
import { type SinkScript, takesIt } from './sink.ts';
import { World, type WorldOptions } from './world.ts';

/** Longer than every wait of a run put together. */
const HOURS_MS = 12 * 3_600_000;

interface Scenario {
  readonly model: readonly ModelScript[];
  readonly sink: readonly SinkScript[];
  readonly onUnknownResult?: 'Retry' | 'DeadLetter';
  readonly agent?: WorldOptions['agent'];
  /** Where the event must end. */
  readonly ends: 'done' | 'dead';
}

const answers: ModelScript = { delayMs: 1000 };
const busy: SinkScript = { takes: false, answer: { kind: 'answered', status: 503, rateLimited: false }, delayMs: 20 };
const silent: SinkScript = { takes: true, answer: { kind: 'unknown', error: 'ECONNRESET' }, delayMs: 20 };
const rejects: SinkScript = { takes: false, answer: { kind: 'answered', status: 422, rateLimited: false }, delayMs: 20 };

/** Room for each call that a crash can make of one. */
const BUDGET = { budget: { perDay: { tokens: 10_000 } }, maxTokens: 100 };

/** What the model and the sink do, call after call; the last goes on for ever. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'all goes well': { model: [answers], sink: [takesIt], ends: 'done' },
  'the first output is busy once': { model: [answers], sink: [busy, takesIt], ends: 'done' },
  'the second output is silent once': { model: [answers], sink: [takesIt, silent, takesIt], ends: 'done' },
  'the sink takes it and every answer is lost': { model: [answers], sink: [silent], ends: 'dead' },
  'a silent output is a dead letter by choice': { model: [answers], sink: [silent], onUnknownResult: 'DeadLetter', ends: 'dead' },
  'the model fails once': {
    model: [{ delayMs: 500, fails: { code: 'ServerError', billed: false } }, answers],
    sink: [takesIt],
    ends: 'done',
  },
  'the model is overloaded twice': {
    model: [
      { delayMs: 100, fails: { code: 'Overloaded', billed: false } },
      { delayMs: 100, fails: { code: 'Overloaded', billed: false } },
      answers,
    ],
    sink: [takesIt],
    ends: 'done',
  },
  'the model asks to wait a little': {
    model: [{ delayMs: 10, fails: { code: 'RateLimited', billed: false, retryAfterMs: 20_000 } }, answers],
    sink: [takesIt],
    ends: 'done',
  },
  'the model refuses': { model: [{ delayMs: 100, stopReason: 'refusal' }], sink: [takesIt], ends: 'dead' },
  'the output rejects it': { model: [answers], sink: [rejects], ends: 'dead' },
  'the output rejects it once and would take it then': { model: [answers], sink: [rejects, takesIt], ends: 'dead' },
  'the model refuses once and would answer then': {
    model: [{ delayMs: 100, stopReason: 'refusal' }, answers],
    sink: [takesIt],
    ends: 'dead',
  },
  'the output is busy for ever': { model: [answers], sink: [busy], ends: 'dead' },
  'all goes well within a budget': { model: [answers], sink: [takesIt], agent: BUDGET, ends: 'done' },
  'a call within a budget is cut and billed': {
    model: [{ delayMs: 500, fails: { code: 'Cut', billed: true } }, answers],
    sink: [takesIt],
    agent: BUDGET,
    ends: 'done',
  },
};

interface Call {
  readonly name: string;
  readonly side: 'before' | 'after';
}

async function play(
  scenario: Scenario,
  profile: '3.10' | '4.0' | '4.3',
  crashAt?: number,
): Promise<{ readonly world: World; readonly calls: readonly Call[] }> {
  const scripts = { model: [...scenario.model], sink: [...scenario.sink] };
  const next = <T>(queue: T[]): T => {
    const [first] = queue;
    assert.ok(first !== undefined);
    if (queue.length > 1) queue.shift();
    return first;
  };
  const calls: Call[] = [];
  const passed = (name: string, side: Call['side']) => {
    // Looking at what replicas share changes nothing, and is done all the time.
    if (name === 'store.readCell') return false;
    calls.push({ name, side });
    return calls.length - 1 === crashAt;
  };
  const fate: Fate = { before: (name) => passed(name, 'before'), after: (name) => passed(name, 'after'), acknowledging: () => {} };
  const world = new World({
    profile,
    random: createRandom(1),
    model: () => next(scripts.model),
    sink: () => next(scripts.sink),
    concurrency: 2,
    outputs: ['first', 'second'],
    ...(scenario.agent === undefined ? {} : { agent: scenario.agent }),
    ...(scenario.onUnknownResult === undefined ? {} : { onUnknownResult: scenario.onUnknownResult }),
  });
  await world.declare();
  world.start(
    () => fate,
    () => 1000,
  );
  await world.clock.advance(1000);
  // The sender's retry comes at once, and once more when all is over.
  await world.publish('event');
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  await world.clock.advance(120_000);
  return { world, calls };
}

for (const profile of profiles) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(`RabbitMQ ${profile}: ${name}: a crash before and after every port call of the run`, async () => {
      const plain = await play(scenario, profile);
      assertNothingBroken(plain.world);
      assert.equal(plain.world.records.get('event')?.phase, scenario.ends);
      const last = plain.calls.length;
      for (let crashAt = 0; crashAt < last; crashAt += 1) {
        const call = plain.calls[crashAt];
        const where = `crash ${call?.side} ${call?.name} (call ${crashAt} of ${last})`;
        const { world } = await play(scenario, profile, crashAt);
        assertNothingBroken(world, where);
        if (scenario.agent === BUDGET) await assertNothingOverspent(world, BUDGET.budget.perDay.tokens, where);
        assert.equal(world.deaths, 1, where);
      }
    });
  }
}

/** Two dead letters, one with an output whose answer is lost; then both are redriven, and the process of the redrive dies at one of its calls. */
async function redrive(
  profile: '3.10' | '4.0' | '4.3',
  crashAt?: number,
): Promise<{ readonly world: World; readonly calls: readonly Call[]; readonly counts: RedriveCounts | undefined }> {
  const sinkScripts: SinkScript[] = [silent, rejects, takesIt];
  const world = new World({
    profile,
    random: createRandom(1),
    model: () => answers,
    sink: () => (sinkScripts.length > 1 ? sinkScripts.shift() : undefined) ?? takesIt,
    concurrency: 1,
    outputs: ['out'],
    onUnknownResult: 'DeadLetter',
  });
  await world.declare();
  world.start(
    () => ({ before: () => false, after: () => false, acknowledging: () => {} }),
    () => 1000,
  );
  for (const id of ['event', 'other']) {
    await world.publish(id);
    await world.clock.runUntil(() => world.settled(), HOURS_MS);
  }
  assert.deepEqual(
    [...world.records.values()].map(({ phase, outputs }) => [phase, outputs.out?.state]),
    [
      ['dead', 'intent'],
      ['dead', 'refused'],
    ],
  );
  const calls: Call[] = [];
  const passed = (name: string, side: Call['side']) => {
    calls.push({ name, side });
    return calls.length - 1 === crashAt;
  };
  const fate: Fate = { before: (name) => passed(name, 'before'), after: (name) => passed(name, 'after'), acknowledging: () => {} };
  const { ended } = startRedrive(
    world,
    'again',
    () => fate,
    () => 1000,
  );
  await world.clock.runUntil(() => ended() !== undefined, HOURS_MS);
  await world.clock.runUntil(() => world.settled(), HOURS_MS);
  return { world, calls, counts: ended() };
}

for (const profile of profiles)
  test(`RabbitMQ ${profile}: a redrive of two dead letters, one with an output whose answer is lost: a crash before and after every port call`, async () => {
    const { calls } = await redrive(profile);
    assert.ok(calls.length > 20);
    for (let crashAt = 0; crashAt <= calls.length; crashAt += 1) {
      const { world, counts } = await redrive(profile, crashAt);
      const where = `crash ${calls[crashAt]?.side} ${calls[crashAt]?.name} (call ${crashAt} of ${calls.length})`;
      assertNothingBroken(world, where);
      assert.deepEqual(counts, { depth: 2, redriven: 2, superseded: 0, copies: 0, withOpenIntents: 1 }, where);
      for (const id of ['event', 'other']) assert.equal(world.records.get(id)?.phase, 'done', `${where}: ${id}`);
      assert.deepEqual([world.sink.effects.size, world.model.sold.get('event')], [2, 1], where);
    }
  });
