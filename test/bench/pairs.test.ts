import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measurePairs, spreadOf } from './pairs.ts';

test('the middle of an odd number of values is one of them, of an even number it lies between two', () => {
  assert.deepEqual(spreadOf([10, 2, 7]), { median: 7, min: 2, max: 10 });
  assert.deepEqual(spreadOf([10, 2, 7, 8]), { median: 7.5, min: 2, max: 10 });
  assert.throws(() => spreadOf([]), { name: 'RangeError', message: 'nothing was measured' });
});

test('contestants take turns, the first pair does not count, and ratios are of the pair', async () => {
  const order: string[] = [];
  const contestant = (name: string, values: readonly number[]) => async () => {
    order.push(name);
    return values[order.filter((other) => other === name).length - 1] ?? Number.NaN;
  };
  // The machine becomes four times slower: the ratio of the middles would be far from what each pair says.
  const pairs = await measurePairs(3, contestant('A', [1000, 40, 41, 10]), contestant('B', [1, 80, 82, 20]));
  assert.deepEqual(order, ['A', 'B', 'A', 'B', 'A', 'B', 'A', 'B']);
  assert.deepEqual(pairs.ours, [40, 41, 10]);
  assert.deepEqual(
    pairs.side('theirs', (value) => value),
    { median: 80, min: 20, max: 82 },
  );
  assert.deepEqual(
    pairs.ratio((value) => value),
    { median: 0.5, min: 0.5, max: 0.5 },
  );
});
