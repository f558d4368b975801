import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type Store, StoreError } from '../store/port.ts';
import { SharedCell } from './shared-cell.ts';

const key = { owner: { namespace: 'team', name: 'a' }, name: 'count' };

function cell(store: Pick<Store, 'readCell' | 'replaceCell'>) {
  return new SharedCell<{ readonly count: number }>({ store, clock: systemClock, key, expireMs: 60_000, empty: { count: 0 } });
}

const one = ({ count }: { readonly count: number }) => ({ next: { count: count + 1 }, result: count + 1 });

test('shared cell: no change of two processes is lost, however they interleave', async () => {
  const store = createMemoryStore(systemClock);
  const [a, b] = [cell(store), cell(store)];
  const results = await Promise.all(Array.from({ length: 50 }, () => [a.change(one), b.change(one)]).flat());
  assert.deepEqual(
    results.toSorted((x, y) => x - y),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
  assert.deepEqual(await b.read(), { count: 100 });
});

/** A cell, and how often its store was asked. */
function countedCell() {
  const store = createMemoryStore(systemClock);
  let calls = 0;
  const counted =
    <Args extends readonly unknown[], T>(call: (...args: Args) => Promise<T>) =>
    (...args: Args) => {
      calls += 1;
      return call(...args);
    };
  return { alone: cell({ readCell: counted(store.readCell), replaceCell: counted(store.replaceCell) }), calls: () => calls };
}

test('shared cell: a change is one round trip where nobody else writes', async () => {
  const { alone, calls } = countedCell();
  await alone.change(one);
  assert.equal(calls(), 2, 'the first looks before');
  await alone.change(one);
  assert.equal(calls(), 3);
  assert.equal(await alone.change(({ count }) => ({ result: count })), 2);
  assert.equal(calls(), 3, 'nothing to be written');
});

test('shared cell: what is asked for at the same time is one round trip, each change on what those before have made', async () => {
  const { alone, calls } = countedCell();
  await alone.change(one);
  const look = ({ count }: { readonly count: number }) => ({ result: count });
  const asked = [alone.change(one), alone.change(one), alone.change(look), alone.read(), alone.change(one)];
  assert.deepEqual(await Promise.all(asked), [2, 3, 3, { count: 4 }, 4]);
  assert.equal(calls(), 4, 'two to begin with, all changes together, and the look');
});

test('shared cell: of changes at the same time, one that cannot be computed is its own asker’s matter, and a faster process has all computed anew', async () => {
  const store = createMemoryStore(systemClock);
  const [alone, other] = [cell(store), cell(store)];
  await alone.change(one);
  await other.change(({ count }) => ({ next: { count: count + 10 }, result: count }));
  const broken = alone.change(() => {
    throw new RangeError('a fault');
  });
  const results = await Promise.allSettled([alone.change(one), broken, alone.change(one)]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason))),
    [12, 'RangeError: a fault', 13],
  );
});

test('shared cell: what is no JSON is told as trouble of the store, and not taken for nothing', async () => {
  const store = createMemoryStore(systemClock);
  await store.replaceCell(key, 0, '{', 60_000);
  for (const call of [cell(store).read(), cell(store).change(one)])
    await assert.rejects(call, (error: unknown) => error instanceof StoreError && /share of count is no JSON/.test(error.message));
  const stop = new AbortController();
  const watching = cell(store).watch(stop.signal, () => 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  await watching;
});

test('shared cell: whoever asked for a change that could not be written is told, and those that ask next are not', async () => {
  const store = createMemoryStore(systemClock);
  let isAway = false;
  const flaky = cell({
    readCell: store.readCell,
    replaceCell: async (...args) => {
      if (isAway) throw new StoreError('Unreachable', 'the store is away');
      return store.replaceCell(...args);
    },
  });
  await flaky.change(one);
  isAway = true;
  const results = await Promise.allSettled([flaky.change(one), flaky.change(one), flaky.change(one)]);
  assert.deepEqual(
    results.map((result) => result.status === 'rejected' && result.reason instanceof StoreError),
    [true, true, true],
  );
  isAway = false;
  assert.deepEqual(await Promise.all([flaky.change(one), flaky.change(one)]), [2, 3]);
});

test('shared cell: after a write whose answer was lost it looks again', async () => {
  const store = createMemoryStore(systemClock);
  let isLost = false;
  const flaky = cell({
    readCell: store.readCell,
    replaceCell: async (...args) => {
      const answer = await store.replaceCell(...args);
      if (!isLost) return answer;
      isLost = false;
      throw new StoreError('Unreachable', 'the answer was lost');
    },
  });
  await flaky.change(one);
  isLost = true;
  await assert.rejects(flaky.change(one), StoreError);
  assert.equal(await flaky.change(({ count }) => ({ result: count })), 2);
});
