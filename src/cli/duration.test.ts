import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs } from './duration.ts';

test('a time span is a number and its unit', () =>
  assert.deepEqual(['0s', '90s', '15m', '6h', '30d'].map(durationMs), [0, 90_000, 900_000, 21_600_000, 2_592_000_000]));

test('anything else is none', () =>
  assert.deepEqual(
    ['', '6', 'h', '6 h', '1h30m', '-1h', '1.5h', '1w', '10000000s'].map(durationMs),
    Array.from({ length: 9 }, () => undefined),
  ));
