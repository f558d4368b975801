import assert from 'node:assert/strict';
import { test } from 'node:test';
import { billionthsOf } from './quantity.ts';

for (const [value, billionths] of [
  ['1', 1_000_000_000n],
  [1, 1_000_000_000n],
  [0.1, 100_000_000n],
  ['100m', 100_000_000n],
  ['.5', 500_000_000n],
  ['5.', 5_000_000_000n],
  ['1Ki', 1_024_000_000_000n],
  ['1.5Ki', 1_536_000_000_000n],
  ['1k', 1_000_000_000_000n],
  ['1E', 1_000_000_000_000_000_000_000_000_000n],
  ['1E3', 1_000_000_000_000n],
  ['1e-3', 1_000_000n],
  ['-2', -2_000_000_000n],
  ['1n', 1n],
  ['0.1n', 1n],
  ['0', 0n],
  ['', undefined],
  ['one', undefined],
  ['1 Gi', undefined],
  ['1KB', undefined],
  [true, undefined],
  [null, undefined],
] as const) {
  test(`the quantity ${JSON.stringify(value)}`, () => assert.equal(billionthsOf(value), billionths));
}
