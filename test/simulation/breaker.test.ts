import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import { createRandom } from './random.ts';
import { stageOf, unharmed } from './stage.ts';

const DAY_MS = 24 * 3_600_000;

test('replicas that share a provider try one call at a time while it is away, and the events are not to blame', async () => {
  let isAway = true;
  let [underWay, most] = [0, 0];
  const calls: number[] = [];
  const { world, lines, start } = await stageOf({
    concurrency: 4,
    random: createRandom(7),
    model: () => {
      calls.push(world.clock.now());
      underWay += 1;
      const { length } = calls;
      world.clock.timer(2000, () => {
        underWay -= 1;
      });
      if (length > 8) most = Math.max(most, underWay);
      return isAway ? { delayMs: 2000, fails: { code: 'Overloaded', billed: false } } : { delayMs: 2000 };
    },
  });
  for (let event = 0; event < 30; event += 1) await world.publish(`event-${event}`);
  const replicas = [start(), start()];
  await world.clock.advance(3_600_000);
  assert.equal(most, 1, 'after the first failures one tries, whichever replica it belongs to');
  // 8 calls before anybody knew, then one after 5, 10, 20, 40, 80, 160 and each 300 s more: in an hour 6 + 11.
  assert.ok(calls.length >= 20 && calls.length <= 27, `${calls.length} calls`);
  const ends = lines.filter(({ msg }) => msg === 'run finished');
  assert.ok(ends.length > 0 && ends.every(({ outcome, attempt }) => outcome === 'handed_back' && attempt === 1));
  const told = async (replica: (typeof replicas)[number]) => {
    const samples = (await replica.scrape()).filter(({ name }) => /^eventagent_model_(breaker|next)/.test(name));
    return Object.fromEntries(samples.map(({ name, labels, value }) => [labels.reason ?? name, value]));
  };
  for (const replica of replicas) {
    const { eventagent_model_next_probe_timestamp_seconds: nextProbe = 0, ...rest } = await told(replica);
    assert.deepEqual(rest, { eventagent_model_breaker_open: 1, Overloaded: 1 });
    const leftMs = nextProbe * 1000 - world.clock.now();
    assert.ok(leftMs > -5000 && leftMs <= 300_000, `tried in ${leftMs} ms`);
  }
  isAway = false;
  const backAt = world.clock.now();
  await world.clock.runUntil(() => world.settled(), DAY_MS);
  assertNothingBroken(world);
  assert.equal(world.sink.effects.size, 30);
  const first = calls.filter((at) => at > backAt).slice(0, 4);
  assert.ok((first[1] ?? 0) - (first[0] ?? 0) >= 2000, 'the first answer is waited for');
  for (const replica of replicas)
    assert.deepEqual(await told(replica), {
      eventagent_model_breaker_open: 0,
      eventagent_model_next_probe_timestamp_seconds: 0,
      Overloaded: 0,
    });
});

test('a replica that dies while it tries keeps the others waiting for two minutes at most', async () => {
  let isAway = true;
  let calls = 0;
  const { world, start } = await stageOf({
    concurrency: 1,
    model: () => {
      calls += 1;
      return isAway ? { delayMs: 10, fails: { code: 'Unreachable', billed: false } } : { delayMs: calls === 2 ? 500_000 : 1000 };
    },
  });
  const replicas = [start(), start()];
  await world.publish('a');
  await world.clock.advance(2000);
  isAway = false;
  await world.publish('b');
  await world.clock.runUntil(() => calls === 2, 60_000);
  for (const replica of replicas) if (replica.current().inHand.size > 0) replica.current().die();
  await world.clock.runUntil(() => world.settled(), 200_000);
  assert.equal(world.sink.effects.size, 2);
});

test('whoever is not available is asked for by name: state, log and the next try', async () => {
  const { world, lines, start } = await stageOf({
    model: () => ({ delayMs: 10, fails: { code: 'RateLimited', billed: false, retryAfterMs: 120_000 } }),
  });
  start(unharmed);
  await world.publish('a');
  await world.clock.advance(10_000);
  const { last, failures, openUntil } = world.runner?.state().breaker ?? {};
  assert.deepEqual([last?.reason, failures], ['RateLimited', 1]);
  assert.ok((openUntil ?? 0) > world.clock.now() + 100_000, 'what the provider asks for is kept');
  const said = lines.find(({ msg }) => msg.startsWith('the model provider is not available'));
  assert.deepEqual([said?.reason, said?.nextTryAt], ['RateLimited', new Date(openUntil ?? 0).toISOString()]);
});
