import { KubeError } from '../../kube/kube-error.ts';
import { type Clock, sleep } from '../../lib/clock.ts';

/** So long an API server may be away, as one of several that is restarted. */
export const AWAY_MS = 60_000;
const AGAIN_MS = 1_000;

/** Does a call that may be repeated until it succeeds, or has not for a minute because the API server is away; then rejects with its last error, with any other one at once. */
export async function persistently<T>(clock: Clock, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const until = clock.now() + AWAY_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isAway(error) || clock.now() >= until) throw error;
    }
    await sleep(clock, AGAIN_MS, signal);
  }
}

/** Whether the API server has failed for a reason that may pass. */
export function isAway(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 'Unreachable' || error.code === 'Failed' || error.code === 'Throttled');
}
