import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionReasons } from '../../api/conditions.ts';
import { usdDecimal } from '../../api/prices.ts';
import { handBackReasons } from '../../api/reasons.ts';
import { budgetVerdict, modelVerdict } from './runner-verdicts.ts';

const trouble = {
  reason: 'Overloaded',
  error: 'The provider answered 529.',
  since: Date.UTC(2026, 0, 1),
  nextTryAt: Date.UTC(2026, 0, 1, 0, 5),
};

test('the provider: what is wrong, since when, and when it is tried again; what nobody tells is unknown', () => {
  const { status, reason, message } = modelVerdict({ trouble });
  assert.deepEqual([status, reason], ['False', 'Overloaded']);
  assert.match(message, /529\..*since 2026-01-01T00:00:00Z.*tried at 2026-01-01T00:05:00Z/);
  assert.equal(modelVerdict({}).status, 'True');
  assert.equal(modelVerdict(undefined).status, 'Unknown');
});

test('each reason of a provider that is not available is one of a condition', () => {
  const ours = new Set(['SecretMissing', 'BudgetSpent', 'FailingAlike', 'OwnRateLimit', 'Shutdown']);
  for (const reason of Object.keys(handBackReasons)) {
    if (ours.has(reason)) continue;
    assert.ok(Object.hasOwn(conditionReasons, reason), reason);
    assert.equal(modelVerdict({ trouble: { ...trouble, reason } }).reason, reason);
  }
});

test('the budget: until when, and never a guess', () => {
  const booked = { dayNanoUsd: 1, monthNanoUsd: 2 };
  const spent = budgetVerdict(true, { budget: { ...booked, closed: { period: 'day', until: Date.UTC(2026, 0, 2) } } });
  assert.deepEqual([spent.status, spent.reason], ['True', 'BudgetSpent']);
  assert.match(spent.message, /of the day.*until 2026-01-02T00:00:00Z/);
  assert.deepEqual(
    [budgetVerdict(true, { budget: booked }), budgetVerdict(true, {}), budgetVerdict(true, undefined), budgetVerdict(false, undefined)].map(
      ({ status, reason }) => `${status} ${reason}`,
    ),
    ['False WithinBudget', 'Unknown NotObserved', 'Unknown NotObserved', 'False NoBudget'],
  );
});

test('money as a decimal', () => {
  assert.deepEqual([0, 1_230_000_000, 999, 1_000, 25_000_000_000].map(usdDecimal), ['0.00', '1.23', '0.000001', '0.000001', '25.00']);
});
