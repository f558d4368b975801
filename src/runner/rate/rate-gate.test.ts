import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createVirtualClock } from '../../../test/support/virtual-clock.ts';
import type { RateLimit } from '../../api/configuration.ts';
import { NO_TOKENS } from '../../api/tokens.ts';
import { silentLog } from '../../lib/log.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { Intake } from '../intake.ts';
import { RateGate } from './rate-gate.ts';

const agent = { namespace: 'team', name: 'a' };
const request = { model: 'm', prompt: 'x', maxTokens: 10_000 };

/** Replicas of an agent with a rate, whose clock stands still. */
function gates(rateLimit: RateLimit, onLimit: (isLimited: boolean) => void = () => {}) {
  const clock = createVirtualClock(Date.UTC(2026, 4, 6, 7, 8, 9));
  const store = createMemoryStore(clock);
  const by = 'this process';
  const start = () =>
    new RateGate({
      agent,
      rateLimit,
      store,
      clock,
      log: silentLog,
      intake: new Intake(1, (_, isLimited) => onLimit(isLimited)),
      notePause: (from, until) => void store.addPause(agent, { from, until }, by),
    });
  const settled = async <T>(promise: Promise<T>) => {
    await clock.advance(0);
    return promise;
  };
  const enter = (gate: RateGate) => settled(gate.enter(request, new AbortController().signal, []));
  return { clock, store, start, settled, enter };
}

suite('the rate of an agent', () => {
  test('is kept for as long as what was used is above it, also by a pod that has just begun', async () => {
    const { clock, start, settled, enter } = gates({ tokensPerMinute: 1000 });
    const entered = await enter(start());
    assert.ok('settle' in entered);
    await settled(entered.settle({ ...NO_TOKENS, output: 10_000 }));
    for (const seconds of [121, 300, 150]) {
      await clock.advance(seconds * 1000);
      assert.ok('outcome' in (await enter(start())), 'ten minutes are not over');
    }
    await clock.advance(60_000);
    assert.ok('settle' in (await enter(start())));
  });

  test('pauses the agent once, however often it is used up', async () => {
    const { clock, store, start, settled, enter } = gates({ events: { limit: 1, periodMs: 12_000 } });
    const gate = start();
    for (let event = 0; event < 50; event += 1) {
      assert.ok('settle' in (await enter(gate)));
      await clock.advance(1000);
      assert.ok('outcome' in (await enter(gate)));
      await clock.advance(11_500);
    }
    const pauses = await settled(store.pausesSince(agent, 0));
    assert.equal(pauses.length, 1);
    gate.close();
  });

  test('that comes back, since calls have used less than they could, is had by the other replicas within seconds', async () => {
    const limits: boolean[] = [];
    const { clock, start, settled, enter } = gates({ tokensPerMinute: 12_000 }, (isLimited) => limits.push(isLimited));
    const [one, other] = [start(), start()];
    const first = await enter(one);
    assert.ok('settle' in first);
    assert.ok('outcome' in (await enter(other)));
    assert.deepEqual(limits, [true]);
    await clock.advance(6_000);
    assert.deepEqual(limits, [true]);
    await settled(first.settle(NO_TOKENS));
    await clock.advance(6_000);
    assert.deepEqual(limits, [true, false]);
    assert.ok('settle' in (await enter(other)));
    for (const gate of [one, other]) gate.close();
  });
});
