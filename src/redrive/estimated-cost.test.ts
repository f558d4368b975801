import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '../api/receipt.ts';
import { estimatedCost } from './estimated-cost.ts';

const receipt = (change: Partial<Receipt>): Receipt => ({
  id: '1',
  type: 'test',
  outcome: 'done',
  attempts: 1,
  redrives: 0,
  freshStarts: 0,
  turns: 1,
  inputTokens: 10,
  outputTokens: 10,
  costNanoUsd: 0,
  estimated: false,
  startedAt: 1,
  endedAt: 2,
  ...change,
});

test('as many times the mean of what done events have cost, rounded up', () => {
  assert.equal(estimatedCost(3, [receipt({ costNanoUsd: 100 }), receipt({ costNanoUsd: 101 })]), 302);
  assert.equal(estimatedCost(0, [receipt({ costNanoUsd: 100 })]), 0);
});

test('dead ones, those that bought nothing and those of unknown cost tell nothing; without any other it is not known', () => {
  const others = [
    receipt({ outcome: 'dead', reason: 'OutputRejected', costNanoUsd: 7 }),
    receipt({ turns: 0 }),
    receipt({ costNanoUsd: 'unknown' }),
  ];
  assert.equal(estimatedCost(5, others), undefined);
  assert.equal(estimatedCost(5, [...others, receipt({ costNanoUsd: 2 })]), 10);
});
