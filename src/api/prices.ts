import type { TokenUsage } from './tokens.ts';

/** Prices of one token in nano-USD (1 USD per million tokens = 1,000 nano-USD a token). Whole numbers: sums stay exact. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
}

/** A model's list prices; above `longPromptTokens` prompt tokens, cached ones included, the whole request costs the `long` rates. */
interface Price extends Rates {
  readonly longPromptTokens?: number;
  readonly long?: Rates;
}

const opusFive: Rates = { input: 5_000, output: 25_000, cacheRead: 500 };

/**
 * List prices of the Messages API by model family, standard tier, without batch discount, as of 2026-10-07.
 * https://platform.claude.com/docs/en/about-claude/pricing
 */
const prices: ReadonlyMap<string, Price> = new Map<string, Price>([
  [
    'claude-haiku-5-5',
    {
      input: 100,
      output: 500,
      cacheRead: 10,
      longPromptTokens: 100_000,
      long: { input: 500, output: 2_500, cacheRead: 50 },
    },
  ],
  ['claude-sonnet-5-5', { input: 2_000, output: 10_000, cacheRead: 100 }],
  ['claude-opus-5-5', { input: 4_000, output: 20_000, cacheRead: 200 }],
  ['claude-fable-5-1', { input: 10_000, output: 50_000, cacheRead: 250 }],
  ['claude-opus-5', opusFive],
  ['claude-opus-4-8', opusFive],
  ['claude-opus-4-7', opusFive],
  ['claude-opus-4-6', opusFive],
  ['claude-opus-4-5', opusFive],
  ['claude-haiku-4-5', { input: 1_000, output: 5_000, cacheRead: 100 }],
]);

/** Whether a model has a known price. */
export function isPriced(model: string): boolean {
  return priceOf(model) !== undefined;
}

/** Writing to the five-minute cache costs 1.25 times the input rate, to the one-hour cache twice; kept as a fraction of whole numbers. */
const CACHE_WRITE_5M = { times: 5, over: 4 } as const;
const CACHE_WRITE_1H_TIMES = 2;

/** `-YYYYMMDD` behind a family's name: one release of it, at the family's price. */
const RELEASE_DATE = /-20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/;

/**
 * What a call costs at list prices, in nano-USD; `undefined` for a model without a known price, which is not the same as free.
 * A larger usage never costs less, so the cost of an upper bound is an upper bound.
 */
export function costNanoUsd(model: string, usage: TokenUsage): number | undefined {
  const rates = ratesOf(model, usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h);
  if (rates === undefined) return undefined;
  return (
    usage.input * rates.input +
    usage.output * rates.output +
    usage.cacheRead * rates.cacheRead +
    usage.cacheWrite5m * ((rates.input * CACHE_WRITE_5M.times) / CACHE_WRITE_5M.over) +
    usage.cacheWrite1h * rates.input * CACHE_WRITE_1H_TIMES
  );
}

/** What a token of a request with so many prompt tokens costs; `undefined` for a model without a known price. */
export function ratesOf(model: string, promptTokens: number): Rates | undefined {
  const price = priceOf(model);
  return price?.long !== undefined && promptTokens > (price.longPromptTokens ?? 0) ? price.long : price;
}

function priceOf(model: string): Price | undefined {
  return prices.get(model) ?? prices.get(model.replace(RELEASE_DATE, ''));
}

const NANO_USD_PER_MICRO_USD = 1_000;

/** An amount as people read it: US dollars to the millionth, `$0.001234`; what is less than that but not nothing is `<$0.000001`. */
export function usdText(nanoUsd: number): string {
  if (nanoUsd > 0 && nanoUsd < NANO_USD_PER_MICRO_USD) return '<$0.000001';
  const microUsd = Math.round(nanoUsd / NANO_USD_PER_MICRO_USD);
  return `$${Math.floor(microUsd / 1_000_000)}.${String(microUsd % 1_000_000).padStart(6, '0')}`;
}

/** US dollars as a decimal with at most six digits behind the point. */
export function usdDecimal(nanoUsd: number): string {
  return (Math.round(nanoUsd / 1000) / 1_000_000).toFixed(6).replace(/0{1,4}$/, '');
}
