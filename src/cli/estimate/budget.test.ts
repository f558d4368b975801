import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Budget } from '../../api/configuration.ts';
import { usageBound } from '../../model/anthropic-request.ts';
import { noRoomFor, overBudgets } from './budget.ts';
import { runFigures } from './figures.ts';

const request = { model: 'claude-sonnet-5-5', prompt: 'x'.repeat(3_000), maxTokens: 500 };
const bytes = usageBound(request).input;
const counted = (tokens: number) => runFigures(request.model, { tokens, kind: 'counted' }, { from: 0, to: request.maxTokens });
const atMost = runFigures(request.model, { tokens: bytes, kind: 'at-most' }, { from: 0, to: request.maxTokens });

describe('an event that its budget has no room for', () => {
  const cases: readonly (readonly [
    name: string,
    budget: Omit<Budget, 'timeZone'>,
    byCount: string | undefined,
    byBytes: string | undefined,
  ])[] = [
    ['room for all of it', { perEvent: { tokens: bytes + 500 }, perDay: { nanoUsd: bytes * 2_000 + 5_000_000 } }, undefined, undefined],
    ['room for what is counted, with its margin', { perEvent: { tokens: 1_700 } }, undefined, 'may: EventBudgetSpent'],
    ['no room for what is counted, with its margin', { perEvent: { tokens: 1_699 } }, 'is: EventBudgetSpent', 'may: EventBudgetSpent'],
    ['money for too little', { perMonth: { nanoUsd: 1_200 * 2_000 + 4_999_999 } }, 'is: ExceedsBudget', 'may: ExceedsBudget'],
    ['no room for the answer', { perDay: { tokens: 499 } }, 'is: ExceedsBudget', 'is: ExceedsBudget'],
    [
      'no room for the answer, and little for an event',
      { perEvent: { tokens: 1_700 }, perDay: { tokens: 499 } },
      'is: ExceedsBudget',
      'is: ExceedsBudget',
    ],
  ];
  for (const [name, limits, byCount, byBytes] of cases)
    test(name, () => {
      for (const [figures, want] of [
        [counted(1_000), byCount],
        [atMost, byBytes],
      ] as const) {
        const found = noRoomFor(request, figures, { ...limits, timeZone: 'Etc/UTC' });
        assert.equal(found && `${found.isCertain ? 'is' : 'may'}: ${found.reason}`, want);
      }
    });

  test('is told what the call can cost, of which limit, and how that is known', () => {
    const budget = { perDay: { tokens: 1_000 }, timeZone: 'Etc/UTC' };
    assert.equal(
      noRoomFor(request, counted(1_000), budget)?.error,
      'the call can cost up to $0.007400 (1700 tokens), more than spec.budget.perDay: raise it, lower maxTokens or shorten the prompt',
    );
    assert.match(
      noRoomFor(request, atMost, budget)?.error ?? '',
      /^the call can cost up to \$0\.\d+ \(\d+ tokens\) by the bytes of its request, more than spec\.budget\.perDay: .*; what the provider counts decides$/,
    );
  });
});

describe('a day or month above its budget', () => {
  const runs = [{ runs: [counted(1_000)], runsPerYear: 365 }];
  const limit = (of: Omit<Budget, 'timeZone'>) =>
    overBudgets(runs, { ...of, timeZone: 'Etc/UTC' }).map(({ limit, unit, estimate, budget, isCertain }) => [
      limit,
      unit,
      estimate,
      budget,
      isCertain,
    ]);

  test('in money and in tokens, up to the limit and not above', () => {
    assert.deepEqual(limit({ perDay: { nanoUsd: 7_000_000, tokens: 1_500 } }), []);
    assert.deepEqual(limit({ perDay: { nanoUsd: 6_999_999, tokens: 1_499 } }), [
      ['perDay', 'nanoUsd', { from: 2_000_000, to: 7_000_000 }, 6_999_999, false],
      ['perDay', 'tokens', { from: 1_000, to: 1_500 }, 1_499, false],
    ]);
    assert.deepEqual(limit({ perMonth: { tokens: 20_000 } }), [['perMonth', 'tokens', { from: 30_416, to: 45_625 }, 20_000, true]]);
  });

  test('is no certainty where the input is an upper bound', () => {
    const [found] = overBudgets([{ runs: [atMost], runsPerYear: 365 }], { perDay: { tokens: 1 }, timeZone: 'Etc/UTC' });
    assert.equal(found?.isCertain, false);
  });

  test('is that of all its runs together; what does not run is none of it', () => {
    const budget = { perDay: { tokens: 3_000 }, timeZone: 'Etc/UTC' };
    assert.deepEqual(overBudgets([...runs, ...runs, { runs: [], runsPerYear: 9_999 }], budget), []);
    assert.equal(overBudgets([...runs, ...runs, ...runs], budget).length, 1);
    assert.deepEqual(overBudgets([{ runs: [], runsPerYear: 1 }], budget), []);
  });
});
