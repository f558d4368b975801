import { costNanoUsd, ratesOf } from '../../api/prices.ts';
import { NO_TOKENS } from '../../api/tokens.ts';

/** From the least to the most that is to be expected; whole numbers. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** One run in figures. */
export interface RunFigures {
  /** Counted by the provider, or as many as there can be at most. */
  readonly inputTokens: number;
  readonly input: 'counted' | 'at-most';
  readonly outputTokens: Range;
  /** Of one token; missing for a model without a known price, like the cost. */
  readonly ratesNanoUsd?: { readonly input: number; readonly output: number };
  readonly costNanoUsd?: Range;
}

/** How often something runs: so many times in 365 days. */
export interface Frequency {
  readonly runsPerYear: number;
}

/** What a month and a day cost. A month is a twelfth of a year of 365 days. */
export interface PeriodFigures extends Frequency {
  /** Whether an input in it is an upper bound. */
  readonly input: RunFigures['input'];
  readonly monthNanoUsd: Range;
  readonly dayNanoUsd: Range;
}

/** What a run costs: input and output tokens, each times its rate. */
export function runFigures(
  model: string,
  input: { readonly tokens: number; readonly kind: RunFigures['input'] },
  outputTokens: Range,
): RunFigures {
  const rates = ratesOf(model, input.tokens);
  const costOf = (output: number) => costNanoUsd(model, { ...NO_TOKENS, input: input.tokens, output });
  const from = costOf(outputTokens.from);
  const to = costOf(outputTokens.to);
  return {
    inputTokens: input.tokens,
    input: input.kind,
    outputTokens,
    ...(rates === undefined || from === undefined || to === undefined
      ? {}
      : { ratesNanoUsd: { input: rates.input, output: rates.output }, costNanoUsd: { from, to } }),
  };
}

/** What a month and a day of such runs cost, from the cheapest to the dearest; `undefined` where there is none, or no price. */
export function periodFigures(runs: readonly RunFigures[], { runsPerYear }: Frequency): PeriodFigures | undefined {
  const costs = runs.flatMap(({ costNanoUsd: cost }) => cost ?? []);
  if (costs.length === 0 || costs.length < runs.length) return undefined;
  const run = { from: Math.min(...costs.map(({ from }) => from)), to: Math.max(...costs.map(({ to }) => to)) };
  return { runsPerYear, input: leastKnown(runs), monthNanoUsd: share(run, runsPerYear, 12), dayNanoUsd: share(run, runsPerYear, 365) };
}

/** How many tokens, input and output, a month and a day of such runs use, from the fewest to the most. */
export function periodTokens(runs: readonly RunFigures[], { runsPerYear }: Frequency): { readonly month: Range; readonly day: Range } {
  const run = {
    from: Math.min(...runs.map(({ inputTokens, outputTokens }) => inputTokens + outputTokens.from)),
    to: Math.max(...runs.map(({ inputTokens, outputTokens }) => inputTokens + outputTokens.to)),
  };
  return { month: share(run, runsPerYear, 12), day: share(run, runsPerYear, 365) };
}

/** The sum of several periods. */
export function together(periods: readonly PeriodFigures[]): PeriodFigures {
  return {
    runsPerYear: periods.reduce((sum, { runsPerYear }) => sum + runsPerYear, 0),
    input: leastKnown(periods),
    monthNanoUsd: sumOf(periods.map(({ monthNanoUsd }) => monthNanoUsd)),
    dayNanoUsd: sumOf(periods.map(({ dayNanoUsd }) => dayNanoUsd)),
  };
}

/** The sum of several ranges. */
export function sumOf(ranges: readonly Range[]): Range {
  return ranges.reduce((sum, { from, to }) => ({ from: sum.from + from, to: sum.to + to }), { from: 0, to: 0 });
}

function leastKnown(parts: readonly Pick<RunFigures, 'input'>[]): RunFigures['input'] {
  return parts.some(({ input }) => input === 'at-most') ? 'at-most' : 'counted';
}

/** A part of what a year of runs costs: less is rounded down, more is rounded up. The product may be more than a number holds exactly. */
function share({ from, to }: Range, runsPerYear: number, parts: number): Range {
  const whole = (cost: number) => BigInt(cost) * BigInt(runsPerYear);
  const divisor = BigInt(parts);
  return { from: Number(whole(from) / divisor), to: Number((whole(to) + divisor - 1n) / divisor) };
}
