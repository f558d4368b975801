/** Growing waits: the first, and the longest that there is. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * How long to wait after `failures` (from 1) in a row: twice as long each time, and up to as much again at `random` (0 ≤ x < 1), so that many who failed together
 * do not come back together. Never shorter than the first wait nor longer than the longest.
 */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, random: number): number {
  const capped = Math.min(firstMs * 2 ** (failures - 1), longestMs / 2);
  return Math.round(Math.max(Math.min(firstMs, longestMs), capped * (1 + random)));
}
