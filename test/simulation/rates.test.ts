import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingBroken } from './invariants.ts';
import { stageOf } from './stage.ts';

test('a rate holds over all replicas; no delivery waits for it in hand for long, and nothing is lost', async () => {
  const calls: number[] = [];
  const { world, lines, start } = await stageOf({
    concurrency: 4,
    model: () => {
      calls.push(world.clock.now());
      return { delayMs: 10 };
    },
    agent: { rateLimit: { events: { limit: 5, periodSeconds: 60 } }, delivery: { eventTtlSeconds: 60 } },
  });
  start();
  start();
  for (let event = 0; event < 30; event += 1) await world.publish(`event-${event}`);
  await world.clock.runUntil(() => world.settled(), 3_600_000);
  assertNothingBroken(world);
  assert.equal(world.sink.effects.size, 30, 'none has gone stale by it');
  for (const at of calls) {
    const within = calls.filter((other) => other >= at && other < at + 60_000).length;
    // Five at once, and in the same minute those that the rate lets through evenly.
    assert.ok(within <= 10, `${within} within a minute`);
  }
  const first = calls[0] ?? 0;
  assert.ok((calls.at(-1) ?? 0) - first >= 24 * 12_000, 'the rate was kept');
  const held = lines.filter(({ msg }) => msg === 'run finished').map(({ durationMs }) => Number(durationMs));
  assert.ok(Math.max(...held) <= 6_000, `${Math.max(...held)} ms in hand`);
});
