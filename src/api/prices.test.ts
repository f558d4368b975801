import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NO_TOKENS, type TokenUsage } from '../api/tokens.ts';
import { costNanoUsd, isPriced, usdText } from './prices.ts';

describe('the cost of a call', () => {
  const cases: readonly (readonly [name: string, model: string, usage: Partial<TokenUsage>, nanoUsd: number | undefined])[] = [
    ['a review: 1,000 in at $2, 500 out at $10 a million', 'claude-sonnet-5-5', { input: 1_000, output: 500 }, 2_000_000 + 5_000_000],
    ['one token in', 'claude-sonnet-5-5', { input: 1 }, 2_000],
    ['read from the cache at $0.10', 'claude-sonnet-5-5', { cacheRead: 10_000 }, 1_000_000],
    ['written for five minutes at 1.25 times $2', 'claude-sonnet-5-5', { cacheWrite5m: 1_000 }, 2_500_000],
    ['written for an hour at twice $2', 'claude-sonnet-5-5', { cacheWrite1h: 1_000 }, 4_000_000],
    ['one token written at 1.25 times $0.10 is a whole number', 'claude-haiku-5-5', { cacheWrite5m: 1 }, 125],
    [
      'every kind at once',
      'claude-opus-5-5',
      { input: 3, output: 5, cacheRead: 7, cacheWrite5m: 11, cacheWrite1h: 13 },
      12_000 + 100_000 + 1_400 + 55_000 + 104_000,
    ],
    ['the dearest', 'claude-fable-5-1', { input: 1_000_000, output: 1_000_000, cacheRead: 1_000_000 }, 60_250_000_000],
    ['an older generation', 'claude-opus-4-7', { input: 1, output: 1, cacheRead: 1 }, 30_500],
    ['the older small one', 'claude-haiku-4-5', { input: 1, output: 1, cacheRead: 1 }, 6_100],
    ['nothing at all', 'claude-sonnet-5-5', {}, 0],
    ['a prompt of exactly 100k', 'claude-haiku-5-5', { input: 100_000, output: 10 }, 10_000_000 + 5_000],
    ['one token more: the whole request at the upper rates', 'claude-haiku-5-5', { input: 100_001, output: 10 }, 50_000_500 + 25_000],
    ['cached tokens count for the size', 'claude-haiku-5-5', { input: 1, cacheRead: 100_000, output: 10 }, 500 + 5_000_000 + 25_000],
    ['written ones too', 'claude-haiku-5-5', { input: 50_000, cacheWrite5m: 50_000, cacheWrite1h: 1 }, 25_000_000 + 31_250_000 + 1_000],
    ['output does not', 'claude-haiku-5-5', { input: 1, output: 200_000 }, 100 + 100_000_000],
    ['a dated release of a family', 'claude-sonnet-5-5-20260901', { input: 1 }, 2_000],
    ['a number that is no date', 'claude-sonnet-5-5-20261301', { input: 1 }, undefined],
    ['something after the date', 'claude-sonnet-5-5-20260901-x', { input: 1 }, undefined],
    ['a date within the name', 'claude-sonnet-20260901-5-5', { input: 1 }, undefined],
    ['a longer name of the same beginning', 'claude-sonnet-5-55', { input: 1 }, undefined],
    ['a model without a public price', 'claude-fable-5-2', { input: 1 }, undefined],
    ['a word that every object has', 'constructor', { input: 1 }, undefined],
    ['no name', '', { input: 1 }, undefined],
  ];
  for (const [name, model, usage, nanoUsd] of cases) {
    test(`of ${name}`, () => {
      assert.equal(costNanoUsd(model, { ...NO_TOKENS, ...usage }), nanoUsd);
      assert.equal(isPriced(model), nanoUsd !== undefined);
    });
  }

  test('is a whole number, and never falls when there are more tokens of any kind', () => {
    const tokens = fc.nat({ max: 1_000_000 });
    const usages = fc.record({ input: tokens, output: tokens, cacheRead: tokens, cacheWrite5m: tokens, cacheWrite1h: tokens });
    const kinds = fc.constantFrom('input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h');
    const models = fc.constantFrom(...cases.flatMap(([, model]) => (isPriced(model) ? [model] : [])));
    fc.assert(
      fc.property(models, usages, kinds, tokens, (model, usage, kind, more) => {
        const cost = costNanoUsd(model, usage) ?? Number.NaN;
        const dearer = costNanoUsd(model, { ...usage, [kind]: usage[kind] + more }) ?? Number.NaN;
        assert.ok(Number.isSafeInteger(cost) && Number.isSafeInteger(dearer));
        assert.ok(dearer >= cost);
      }),
    );
  });
});

describe('an amount for people', () => {
  for (const [nanoUsd, text] of [
    [0, '$0.000000'],
    [1, '<$0.000001'],
    [999, '<$0.000001'],
    [1_000, '$0.000001'],
    [1_499, '$0.000001'],
    [1_500, '$0.000002'],
    [1_234_000, '$0.001234'],
    [999_999_500, '$1.000000'],
    [25_000_000_000, '$25.000000'],
    [1_234_567_890_123, '$1234.567890'],
  ] as const) {
    test(`${nanoUsd} nano-USD read ${text}`, () => assert.equal(usdText(nanoUsd), text));
  }
});
