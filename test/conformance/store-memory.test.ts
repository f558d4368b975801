import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { storeConformance } from './store-suite.ts';

storeConformance('memory store', async () => {
  const store = createMemoryStore(systemClock);
  return { store, other: store, pass: (ms) => wait(ms) };
});

test('memory store: what a day has cost is that of the day in UTC', async () => {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1, 23, 59, 50));
  const store = createMemoryStore(clock);
  const agent = { namespace: 'test', name: 'agent' };
  const spent = { turns: 1, inputTokens: 1, outputTokens: 1, costNanoUsd: 5, estimated: false };
  const record = { gen: 0, attempt: 1, phase: 'running', fence: 'f', starts: 1, startedAt: 1, outputs: {}, spent } as const;
  const answered = async <T>(answer: Promise<T>): Promise<T> => {
    await clock.advance(0);
    return answer;
  };
  await answered(store.replace({ agent, event: 'a' }, 0, { record, leaseMs: 0 }));
  assert.equal(await answered(store.costToday(agent)), 5);
  await clock.advance(10_000);
  assert.equal(await answered(store.costToday(agent)), 0);
  const more = { ...record, spent: { ...spent, turns: 2, costNanoUsd: 12 } };
  await answered(store.update({ agent, event: 'a' }, 'f', { record: more, leaseMs: 0, number: 1 }));
  assert.equal(await answered(store.costToday(agent)), 7);
});
