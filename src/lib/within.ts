import type { Clock } from './clock.ts';
import { follow } from './follow.ts';

/**
 * Does something with a signal that is aborted with another one, and after so many milliseconds with an error that says `what` was too slow. Leaves nothing behind on the
 * other signal, however long that lives.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const unfollow = follow(signal, ended);
  const timer = clock.timer(ms, () => ended.abort(new Error(`${what}: no answer within ${ms / 1000} s`)));
  try {
    return await work(ended.signal);
  } finally {
    timer.cancel();
    unfollow();
  }
}
