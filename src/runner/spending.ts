import type { TokenUsage } from '../api/tokens.ts';

/** One call of a model that cost something. `estimated`: an upper bound, because the call ended without a report of its usage. */
export interface Purchase {
  readonly model: string;
  readonly usage: TokenUsage;
  readonly estimated: boolean;
  /** `undefined`: the model is in no price table, and nobody knows. */
  readonly costNanoUsd: number | undefined;
}

/** What one run has spent. */
export interface Spent {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** `'unknown'` as soon as the price of one call is. */
  readonly costNanoUsd: number | 'unknown';
  readonly estimated: boolean;
}

/** The sum of purchases; input counts cached tokens too. */
export function spentOn(purchases: readonly Purchase[]): Spent {
  let inputTokens = 0;
  let outputTokens = 0;
  let cost: number | 'unknown' = 0;
  for (const { usage, costNanoUsd } of purchases) {
    inputTokens += usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
    outputTokens += usage.output;
    cost = cost === 'unknown' || costNanoUsd === undefined ? 'unknown' : cost + costNanoUsd;
  }
  return { inputTokens, outputTokens, costNanoUsd: cost, estimated: purchases.some(({ estimated }) => estimated) };
}
