import type { Receipt } from '../api/receipt.ts';

/**
 * What it would cost to run so many events again, in nano-USD: as many times the mean of the receipts of events that were done and bought something. `undefined` where there is
 * none whose cost is known. An answer that is kept from an earlier attempt is not bought again, so that it may be less.
 */
export function estimatedCost(events: number, receipts: readonly Receipt[]): number | undefined {
  const costs = receipts.flatMap(({ outcome, turns, costNanoUsd }) =>
    outcome === 'done' && turns > 0 && costNanoUsd !== 'unknown' ? [costNanoUsd] : [],
  );
  if (costs.length === 0) return undefined;
  return Math.ceil((events * costs.reduce((sum, cost) => sum + cost, 0)) / costs.length);
}
