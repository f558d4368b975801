import type { AgentRef } from '../api/names.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { type Store, StoreError } from '../store/port.ts';

/** How often the store is asked. What it tells costs an event nothing: it is added up by the writes that there are anyway. */
const LOOK_MS = 15_000;

/**
 * Asks again and again what the agent has cost today, for those without a budget, until the signal is aborted. `onSeen` is told the nano-USD, or `undefined` where nobody knows:
 * the store does not answer, or a call without a price is among it. Never rejects.
 */
export async function watchCostToday(
  agent: AgentRef,
  { store, clock }: { readonly store: Pick<Store, 'costToday'>; readonly clock: Clock },
  stop: AbortSignal,
  onSeen: (nanoUsd: number | undefined) => void,
): Promise<void> {
  // Whoever starts this is not called back before it is done.
  await sleep(clock, 0, stop).catch(() => {});
  while (!stop.aborted) {
    try {
      const cost = await store.costToday(agent);
      onSeen(cost === 'unknown' ? undefined : cost);
    } catch (error) {
      // A store that is away is said by whoever watches it.
      if (!(error instanceof StoreError)) throw error;
      onSeen(undefined);
    }
    await sleep(clock, LOOK_MS, stop).catch(() => {});
  }
}
