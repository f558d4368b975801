import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from './backoff.ts';

const backoff = { firstMs: 800, longestMs: 30_000 };

test('waits double up to the longest', () =>
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 1_000_000].map((failures) => backoffMs(backoff, failures, 0)),
    [800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000, 15_000, 15_000],
  ));

test('up to as much again comes by chance', () =>
  assert.deepEqual(
    [1, 2, 6, 1_000_000].map((failures) => backoffMs(backoff, failures, 0.999_999)),
    [1_600, 3_200, 30_000, 30_000],
  ));

test('no wait is shorter than the first', () => assert.equal(backoffMs({ firstMs: 100, longestMs: 100 }, 3, 0), 100));
