import type { Spent } from '../api/record.ts';
import type { TokenUsage } from '../api/tokens.ts';

/** One call of a model that cost something. `estimated`: an upper bound, because the call ended without a report of its usage. */
export interface Purchase {
  readonly model: string;
  readonly usage: TokenUsage;
  readonly estimated: boolean;
  /** `undefined`: the model is in no price table, and nobody knows. */
  readonly costNanoUsd: number | undefined;
}

/** A call that used so much. */
export function purchaseOf(
  priceOf: (model: string, usage: TokenUsage) => number | undefined,
  model: string,
  usage: TokenUsage,
  estimated: boolean,
): Purchase {
  return { model, usage, estimated, costNanoUsd: priceOf(model, usage) };
}

/** What was spent, with one more purchase. */
export function spentWith(spent: Spent, { usage, estimated, costNanoUsd }: Purchase): Spent {
  return {
    turns: spent.turns + 1,
    inputTokens: spent.inputTokens + usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h,
    outputTokens: spent.outputTokens + usage.output,
    costNanoUsd: spent.costNanoUsd === 'unknown' || costNanoUsd === undefined ? 'unknown' : spent.costNanoUsd + costNanoUsd,
    estimated: spent.estimated || estimated,
  };
}

/** What was bought after `before`, as a budget counts it; a call without a known price counts no money. */
export function sinceThen(spent: Spent, before: Spent): { readonly nanoUsd: number; readonly tokens: number } {
  const nanoUsd = (one: Spent) => (one.costNanoUsd === 'unknown' ? 0 : one.costNanoUsd);
  return {
    nanoUsd: nanoUsd(spent) - nanoUsd(before),
    tokens: spent.inputTokens + spent.outputTokens - before.inputTokens - before.outputTokens,
  };
}
