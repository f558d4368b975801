import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { periodFigures, runFigures, together } from './figures.ts';

const counted = (tokens: number) => ({ tokens, kind: 'counted' }) as const;

describe('a run', () => {
  test('costs its input and both ends of its output, each at its rate', () =>
    assert.deepEqual(runFigures('claude-sonnet-5-5', counted(1_000), { from: 300, to: 1_024 }), {
      inputTokens: 1_000,
      input: 'counted',
      outputTokens: { from: 300, to: 1_024 },
      ratesNanoUsd: { input: 2_000, output: 10_000 },
      costNanoUsd: { from: 1_000 * 2_000 + 300 * 10_000, to: 1_000 * 2_000 + 1_024 * 10_000 },
    }));

  test('of a long prompt has the rates of long prompts', () =>
    assert.deepEqual(runFigures('claude-haiku-5-5', counted(100_001), { from: 0, to: 1 }).ratesNanoUsd, { input: 500, output: 2_500 }));

  test('of a model without a known price has tokens and no cost', () =>
    assert.deepEqual(runFigures('claude-fable-5-2', { tokens: 7, kind: 'at-most' }, { from: 0, to: 9 }), {
      inputTokens: 7,
      input: 'at-most',
      outputTokens: { from: 0, to: 9 },
    }));
});

describe('a month and a day', () => {
  const cheap = runFigures('claude-sonnet-5-5', counted(10), { from: 1, to: 2 });
  const dear = runFigures('claude-sonnet-5-5', { tokens: 20, kind: 'at-most' }, { from: 0, to: 3 });

  test('go from the cheapest run to the dearest; less is rounded down, more up', () =>
    assert.deepEqual(periodFigures([cheap, dear], { runsPerYear: 100 }), {
      runsPerYear: 100,
      input: 'at-most',
      monthNanoUsd: { from: Math.floor((30_000 * 100) / 12), to: Math.ceil((70_000 * 100) / 12) },
      dayNanoUsd: { from: 8_219, to: 19_179 },
    }));

  test('of counted runs alone are no upper bound', () => assert.equal(periodFigures([cheap], { runsPerYear: 1 })?.input, 'counted'));

  test('are not known where nothing runs, nor where one price is missing', () => {
    const unpriced = runFigures('claude-fable-5-2', counted(1), { from: 0, to: 1 });
    assert.equal(periodFigures([], { runsPerYear: 1 }), undefined);
    assert.equal(periodFigures([cheap, unpriced], { runsPerYear: 1 }), undefined);
  });

  test('add up', () => {
    const one = periodFigures([cheap], { runsPerYear: 12 });
    const other = periodFigures([dear], { runsPerYear: 24 });
    assert.ok(one !== undefined && other !== undefined);
    assert.deepEqual(together([one, other]), {
      runsPerYear: 36,
      input: 'at-most',
      monthNanoUsd: { from: 30_000 + 2 * 40_000, to: 40_000 + 2 * 70_000 },
      dayNanoUsd: {
        from: Math.floor((30_000 * 12) / 365) + Math.floor((40_000 * 24) / 365),
        to: Math.ceil((40_000 * 12) / 365) + Math.ceil((70_000 * 24) / 365),
      },
    });
  });

  test('hold what a year costs between their ends, exactly', () =>
    fc.assert(
      fc.property(
        fc.nat({ max: 1_000_000 }),
        fc.nat({ max: 128_000 }),
        fc.integer({ min: 1, max: 525_600 }),
        (input, output, runsPerYear) => {
          const run = runFigures('claude-haiku-4-5', counted(input), { from: output, to: output });
          const period = periodFigures([run], { runsPerYear });
          const year = BigInt(run.costNanoUsd?.to ?? 0) * BigInt(runsPerYear);
          assert.ok(period !== undefined);
          for (const [{ from, to }, parts] of [
            [period.monthNanoUsd, 12n],
            [period.dayNanoUsd, 365n],
          ] as const) {
            assert.ok(Number.isInteger(from) && Number.isInteger(to) && to - from <= 1);
            assert.ok(BigInt(from) * parts <= year && year <= BigInt(to) * parts);
          }
        },
      ),
    ));
});
