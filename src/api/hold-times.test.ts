import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerTimeoutFor, longestHoldMs } from './hold-times.ts';

for (const [runSeconds, holdSeconds, consumerTimeoutSeconds] of [
  [10, 1740, undefined],
  [1500, 1740, undefined],
  [1501, 1741, 1801],
  [3600, 3840, 3900],
  [21_600, 21_840, 21_900],
] as const)
  test(`a run of ${runSeconds} s is held for ${holdSeconds} s at most, and needs ${consumerTimeoutSeconds ?? 'the usual'} s of the broker`, () => {
    assert.equal(longestHoldMs(runSeconds * 1000), holdSeconds * 1000);
    assert.equal(consumerTimeoutFor(runSeconds * 1000), consumerTimeoutSeconds && consumerTimeoutSeconds * 1000);
  });
