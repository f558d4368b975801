import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { StoreError } from '../store/port.ts';
import { watchCostToday } from './cost-today.ts';
import { runnerStatus } from './status.ts';

test('the cost of the day is asked for again and again; what nobody knows is told as that', async () => {
  const clock = createVirtualClock(0);
  const answers: readonly (number | 'unknown' | Error)[] = [5, 7, new StoreError('Unreachable', 'gone'), 9, 'unknown', 0];
  let asked = 0;
  const store = {
    costToday: async () => {
      const answer = answers[asked++] ?? 0;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const seen: (number | undefined)[] = [];
  const stop = new AbortController();
  const watching = watchCostToday({ namespace: 'test', name: 'agent' }, { store, clock }, stop.signal, (cost) => seen.push(cost));
  await clock.advance(75_000);
  stop.abort();
  await clock.advance(0);
  await watching;
  assert.deepEqual(seen, [5, 7, undefined, 9, undefined, 0]);
});

test('status: the cost of the day in whole nano-dollars, and nothing where it is not known', () => {
  const breaker = { failures: 0, since: 0, openUntil: 0 } as Parameters<typeof runnerStatus>[0]['breaker'];
  assert.deepEqual(runnerStatus({ breaker, costTodayNanoUsd: 7.4 }), { costTodayNanoUsd: 7 });
  assert.deepEqual(runnerStatus({ breaker, costTodayNanoUsd: 0 }), { costTodayNanoUsd: 0 });
  assert.deepEqual(runnerStatus({ breaker, costTodayNanoUsd: undefined }), {});
});
