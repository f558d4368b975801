import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../../src/store/port.ts';
import { assertNothingBroken, assertNothingOverspent, billedByDay, ledgerOf } from './invariants.ts';
import { createRandom, type Random } from './random.ts';
import { type ModelScript, USAGE } from './scripted-model.ts';
import { takesIt } from './sink.ts';
import { type Line, stageOf, unharmed } from './stage.ts';
import { unluckyFate } from './unlucky-fate.ts';
import { World } from './world.ts';

const DAY_MS = 24 * 3_600_000;
const TOKENS = USAGE.input + USAGE.output;
/** What a call of the simulation can use at most: the request's bytes, and the answer. */
const MAX_TOKENS = 100;
const MOST = 400;

const paused = (lines: readonly Line[], reason: string) => lines.filter((line) => line.msg === 'run finished' && line.reason === reason);

test('a spent day closes the intake: nothing cycles, nothing is lost, and the next day takes it up', async () => {
  const { world, lines, start } = await stageOf({ concurrency: 2, agent: { budget: { perDay: { tokens: MOST } }, maxTokens: MAX_TOKENS } });
  const replica = start();
  for (let event = 0; event < 14; event += 1) await world.publish(`event-${event}`);
  await world.clock.advance(3_600_000);
  const sold = world.model.ledger.length;
  assert.ok(sold >= 3 && sold * TOKENS <= MOST, `${sold} calls`);
  const handedBack = paused(lines, 'BudgetSpent').length;
  const scraped = await replica.scrape();
  const of = (name: string, labels: object) =>
    scraped.find((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value;
  assert.equal(of('eventagent_intake_paused', { reason: 'budget' }), 1);
  assert.equal(of('eventagent_budget_remaining_tokens', { period: 'day' }), MOST - sold * TOKENS);
  await world.clock.advance(6 * 3_600_000);
  assert.deepEqual([world.model.ledger.length, paused(lines, 'BudgetSpent').length], [sold, handedBack], 'nothing is tried meanwhile');
  await world.clock.advance(DAY_MS - 8 * 3_600_000);
  assert.equal(world.model.ledger.length, sold);
  await world.clock.runUntil(() => world.settled(), 20 * DAY_MS);
  assertNothingBroken(world);
  assert.equal(world.model.ledger.length, 14);
  for (const [day, tokens] of billedByDay(world)) assert.ok(tokens <= MOST, `${tokens} on day ${day}`);
});

test('a raised budget is taken up by the pods that have it', async () => {
  const budget = (tokens: number) => ({ budget: { perMonth: { tokens } }, maxTokens: MAX_TOKENS });
  const { world, start } = await stageOf({ agent: budget(MOST) });
  const replica = start();
  for (let event = 0; event < 30; event += 1) await world.publish(`event-${event}`);
  await world.clock.advance(600_000);
  assert.ok(world.model.ledger.length < 15);
  world.change({ agent: budget(100 * MOST) });
  replica.current().die();
  await world.clock.runUntil(() => world.settled(), 3_600_000);
  assert.equal(world.model.ledger.length, 30);
  assertNothingBroken(world);
});

test('money that was reserved and not spent comes back, and events are taken at once', async () => {
  const { world, start } = await stageOf({ concurrency: 8, agent: { budget: { perDay: { tokens: 2 * MOST } }, maxTokens: MAX_TOKENS } });
  start();
  for (let event = 0; event < 12; event += 1) await world.publish(`event-${event}`);
  await world.clock.runUntil(() => world.settled(), 600_000);
  assert.equal(world.model.ledger.length, 12);
  assertNothingBroken(world);
});

test('an event that costs more than its own budget is a dead letter, and one that no day has room for', async () => {
  for (const [budget, reason] of [
    [{ perEvent: { tokens: 150 } }, 'EventBudgetSpent'],
    [{ perDay: { tokens: 150 } }, 'ExceedsBudget'],
  ] as const) {
    const { world, start } = await stageOf({ agent: { budget, maxTokens: MAX_TOKENS } });
    start();
    await world.publish('event');
    await world.clock.runUntil(() => world.settled(), 600_000);
    const [letter] = world.broker.messages(world.names.dead);
    assert.deepEqual([letter?.headers['ea-reason'], world.model.ledger.length], [reason, 0]);
  }
});

/** An agent whose requests have 2,000 bytes and more, and some 100 tokens. */
const wordy = { system: 'long words '.repeat(180), maxTokens: MAX_TOKENS };
const counting = { counts: () => ({ delayMs: 200, tokens: 10 }) };
/** The most of a call of such an agent by the count, margin included. */
const MOST_COUNTED = 111 + MAX_TOKENS;

test('a request that the budget has no room for by its bytes is counted: it is run where the count fits', async () => {
  for (const budget of [{ perEvent: { tokens: MOST_COUNTED } }, { perDay: { tokens: 10 * MOST_COUNTED } }]) {
    const { world, start } = await stageOf({ ...counting, agent: { ...wordy, budget } });
    start();
    await world.publish('event');
    await world.publish('another');
    await world.clock.runUntil(() => world.settled(), 600_000);
    assertNothingBroken(world);
    assert.deepEqual([world.model.ledger.length, world.model.counted.length], [2, 2]);
    assert.equal((await ledgerOf(world)).day?.tokens, 2 * TOKENS);
  }
});

test('one that fits by its bytes is not counted', async () => {
  const { world, start } = await stageOf({ ...counting, agent: { ...wordy, budget: { perDay: { tokens: 5000 } } } });
  start();
  await world.publish('event');
  await world.clock.runUntil(() => world.settled(), 600_000);
  assert.deepEqual([world.model.ledger.length, world.model.counted.length], [1, 0]);
});

for (const [trouble, failing, reason] of [
  ['limits the rate', { delayMs: 10, tokens: 'RateLimited' }, 'RateLimited'],
  ['is overloaded', { delayMs: 10, tokens: 'Overloaded' }, 'Overloaded'],
  ['cannot be reached', { delayMs: 10, tokens: 'Unreachable' }, 'Unreachable'],
  ['takes too long', { delayMs: 3_600_000, tokens: 10 }, 'Overloaded'],
] as const)
  test(`where the provider is asked to count and ${trouble}, nothing is given up: events wait until it counts`, async () => {
    for (const budget of [{ perEvent: { tokens: MOST_COUNTED } }, { perDay: { tokens: 5 * MOST_COUNTED } }]) {
      let fails = true;
      const counts = () => (fails ? failing : { delayMs: 10, tokens: 10 });
      const { world, lines, start } = await stageOf({ counts, agent: { ...wordy, budget, delivery: { eventTtlSeconds: 600 } } });
      start();
      for (const event of ['one', 'two', 'three']) await world.publish(event);
      await world.clock.advance(1_800_000);
      assert.equal(world.broker.messages(world.names.dead).length, 0);
      assert.ok(paused(lines, reason).length > 0 && world.model.counted.length < 60, `${world.model.counted.length} counts`);
      fails = false;
      await world.clock.runUntil(() => world.settled(), 3_600_000);
      assertNothingBroken(world);
      assert.equal(world.model.ledger.length, 3);
    }
  });

for (const [name, tokens, perDay] of [
  ['fails in counting, and no count could make room', 'RateLimited', MAX_TOKENS + 50],
  ['has no way to count', 'ModelNotFound', 1000],
  ['does not count such a request', 'BadRequest', 1000],
  ['counts more than there is room for', 1000, 1000],
] as const)
  test(`where the provider ${name}, an event that is too dear is given up at once`, async () => {
    const counts = () => ({ delayMs: 10, tokens });
    const { world, start } = await stageOf({ counts, agent: { ...wordy, budget: { perDay: { tokens: perDay } } } });
    start();
    await world.publish('event');
    await world.clock.runUntil(() => world.settled(), 600_000);
    const [letter] = world.broker.messages(world.names.dead);
    assert.deepEqual([letter?.headers['ea-reason'], world.model.ledger.length], ['ExceedsBudget', 0]);
  });

test('a day that is nearly spent is used up by the count, then closed, and an event that waits is not counted again and again', async () => {
  const perDay = 5 * MOST_COUNTED;
  const { world, start } = await stageOf({ ...counting, agent: { ...wordy, budget: { perDay: { tokens: perDay } } } });
  start();
  for (let event = 0; event < 30; event += 1) await world.publish(`event-${event}`);
  await world.clock.advance(12 * 3_600_000);
  const sold = world.model.ledger.length;
  // Each leaves TOKENS booked, and the last one had room for the most that it could use.
  assert.equal(sold, Math.floor((perDay - MOST_COUNTED) / TOKENS) + 1);
  assert.ok(world.model.counted.length <= sold + 2, `${world.model.counted.length} counts`);
  await world.clock.runUntil(() => world.settled(), 5 * DAY_MS);
  assertNothingBroken(world);
  for (const [day, tokens] of billedByDay(world)) assert.ok(tokens <= perDay, `${tokens} on day ${day}`);
});

test('a call that was billed more than the count and its margin is booked as it was billed', async () => {
  const { world, start } = await stageOf({
    ...counting,
    model: () => ({ delayMs: 100, input: 500 }),
    agent: { ...wordy, budget: { perDay: { tokens: MOST_COUNTED } } },
  });
  start();
  await world.publish('event');
  await world.clock.advance(600_000);
  const { day } = await ledgerOf(world);
  assert.deepEqual([day?.tokens, world.model.ledger.map(({ tokens }) => tokens)], [520, [520]]);
  await world.publish('another');
  await world.clock.advance(600_000);
  assert.equal(world.model.ledger.length, 1, 'the day is spent');
});

test('a process that dies while its request is counted has reserved nothing', async () => {
  const { world, start } = await stageOf({
    counts: () => ({ delayMs: 5000, tokens: 10 }),
    agent: { ...wordy, budget: { perDay: { tokens: 2 * MOST_COUNTED } } },
  });
  const replica = start();
  await world.publish('event');
  await world.clock.advance(2000);
  assert.equal(world.model.counted.length, 1);
  replica.current().die();
  await world.clock.runUntil(() => world.settled(), 600_000);
  assertNothingBroken(world);
  const { day, open } = await ledgerOf(world);
  assert.deepEqual([day?.tokens, open], [TOKENS, {}]);
  // Its record cannot tell that from a call that was made.
  const { turns, estimated } = world.records.get('event')?.spent ?? {};
  assert.deepEqual([turns, estimated], [2, true]);
});

test('a process that dies in a call leaves its reservation booked, and its event knows of it', async () => {
  let calls = 0;
  const { world, start } = await stageOf({
    agent: { budget: { perDay: { tokens: 10 * MOST }, perEvent: { tokens: 2 * MOST } }, maxTokens: MAX_TOKENS },
    model: () => ({ delayMs: ++calls === 1 ? 60_000 : 1000 }),
  });
  const replica = start();
  await world.publish('event');
  await world.clock.advance(5000);
  replica.current().die();
  await world.clock.runUntil(() => world.settled(), 600_000);
  const record = world.records.get('event');
  assert.equal(record?.phase, 'done');
  assert.ok(
    record.spent?.estimated && record.spent.inputTokens + record.spent.outputTokens > TOKENS + MAX_TOKENS,
    JSON.stringify(record.spent),
  );
  const { day, open } = await ledgerOf(world);
  assert.deepEqual([day?.tokens, open], [record.spent.inputTokens + record.spent.outputTokens, {}]);
});

test('however often a process dies with an event, and wherever, the event costs no more than its own budget', async () => {
  /** Dies around the call of that number after the first time that the event was taken, and again around that after the next. */
  const diesAround = (number: number, side: 'before' | 'after') => {
    let left = number;
    const strikes = (call: string, at: typeof side) => {
      if (at !== side || !/^(store\.(update|replaceCell)|model\.call)/.test(call)) return false;
      left -= 1;
      if (left > 0) return false;
      left = number;
      return true;
    };
    return {
      ...unharmed,
      before: (call: string) => strikes(call, 'before'),
      after: (call: string) => strikes(call, 'after'),
    };
  };
  // One call reserves 126 tokens, and is billed 120: there is room for three, not for four.
  const perEvent = 400;
  let most = 0;
  for (const side of ['before', 'after'] as const)
    for (let number = 1; number <= 8; number += 1) {
      const { world, start } = await stageOf({
        model: () => ({ delayMs: 1000, input: 100 }),
        agent: { budget: { perEvent: { tokens: perEvent } }, maxTokens: 20 },
      });
      start(diesAround(number, side));
      await world.publish('event');
      // Where each process dies too soon, none comes to an end.
      await world.clock.runUntil(() => world.settled(), 3_600_000).catch(() => {});
      const billed = world.model.ledger.reduce((sum, { tokens }) => sum + tokens, 0);
      assert.ok(billed <= perEvent, `${billed} tokens; it died ${side} call ${number}`);
      most = Math.max(most, billed);
    }
  assert.equal(most, 360);
});

test('a call that failed for nothing is not charged to its event by another replica, whenever that looked last', async () => {
  for (let seconds = 0; seconds < 12; seconds += 1) {
    let calls = 0;
    const { world, start } = await stageOf({
      model: () => (++calls === 1 ? { delayMs: 20_000, fails: { code: 'ServerError', billed: false } } : { delayMs: 1000 }),
      agent: { maxTokens: MAX_TOKENS, budget: { perDay: { tokens: 100 * MOST } }, delivery: { retryDelaysSeconds: [10] } },
    });
    start();
    await world.clock.advance(seconds * 1000);
    start();
    await world.publish('event');
    await world.clock.runUntil(() => world.settled(), 3_600_000);
    const { spent } = world.records.get('event') ?? {};
    assert.deepEqual([spent?.turns, spent?.estimated, (await ledgerOf(world)).day?.tokens], [1, false, TOKENS]);
  }
});

/** Mostly answers; now and then a failure that is billed, or not. */
function unsteady(random: Random): ModelScript {
  const delayMs = random.integer(1, 20_000);
  if (!random.chance(0.2)) return { delayMs };
  return { delayMs, fails: random.pick([{ code: 'ServerError', billed: false } as const, { code: 'Cut', billed: true } as const]) };
}

const SEEDS = Math.ceil(Number(process.env.EVENTAGENT_SIMULATION_SEEDS ?? 200) / 50);

for (const [isWordy, seeds] of [
  [false, SEEDS],
  [true, Math.ceil(SEEDS / 4)],
] as const)
  test(`${seeds} seeds of eight replicas that share a budget and die at random${isWordy ? ', their requests counted' : ''}: no day costs more than it may, and no event is lost`, async () => {
    let deaths = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const random = createRandom(seed);
      const trouble = { left: random.integer(2, 12) };
      // By its bytes a wordy request hardly fits into a day.
      const perDay = isWordy ? random.integer(2000, 3000) : random.integer(5 * MOST, 9 * MOST);
      const world = new World({
        profile: random.pick(['3.10', '4.0', '4.3']),
        random,
        model: () => unsteady(random),
        sink: () => takesIt,
        concurrency: random.integer(1, 2),
        outputs: ['out'],
        agent: { budget: { perDay: { tokens: perDay } }, maxTokens: MAX_TOKENS, ...(isWordy ? wordy : {}) },
        ...(isWordy ? { counts: () => ({ delayMs: random.integer(1, 10_100), tokens: random.chance(0.05) ? 'RateLimited' : 10 }) } : {}),
      });
      await world.declare();
      for (let replica = 0; replica < 8; replica += 1) {
        const started = world.start(
          () => unluckyFate(random, trouble, (ms) => started.current().freeze(ms)),
          () => random.integer(10, 20_000),
        );
      }
      // Where nobody counts, the day is over for all: fewer of them have as many days.
      for (let event = 0; event < (isWordy ? 10 : 30); event += 1) await world.publish(`event-${event}`);
      await world.clock.runUntil(() => world.settled(), 30 * DAY_MS);
      await world.clock.advance(300_000);
      assertNothingBroken(world, `seed ${seed}`);
      await assertNothingOverspent(world, perDay, `seed ${seed}`);
      deaths += world.deaths;
    }
    assert.ok(deaths > seeds / 2, `${deaths} deaths`);
  });

test('a call whose settlement outlasted the hold of its delivery is counted once', async () => {
  const agent = { budget: { perDay: { tokens: 100 * MOST } }, maxTokens: MAX_TOKENS, delivery: { runTimeoutSeconds: 60 } };
  let calls = 0;
  const model = () => {
    calls += 1;
    if (calls === 1)
      world.store.replaceCell = async () => {
        throw new StoreError('Unreachable', 'cells are away');
      };
    return { delayMs: 1000 };
  };
  const { world, start } = await stageOf({ agent, model });
  const replica = start();
  const { replaceCell } = world.store;
  await world.publish('event');
  await world.clock.runUntil(() => world.records.get('event')?.spent !== undefined, 3_600_000);
  world.store.replaceCell = replaceCell;
  await world.clock.runUntil(() => world.settled(), 3_600_000);
  assert.equal(world.model.ledger.length, 2, 'bought again, since the first was not recorded');
  assert.equal(world.records.get('event')?.spent?.turns, 2);
  const tokens = (await replica.scrape())
    .filter(({ name }) => name === 'eventagent_tokens_total')
    .reduce((sum, { value }) => sum + value, 0);
  assert.equal(tokens, 2 * TOKENS);
});
