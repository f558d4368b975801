import { type Clock, sleep } from './clock.ts';
import { follow } from './follow.ts';

/** Whether a wait came to its end before one of the signals. */
export async function waitedOut(clock: Clock, delayMs: number, signals: readonly AbortSignal[]): Promise<boolean> {
  const cut = new AbortController();
  const unfollow = signals.map((signal) => follow(signal, cut));
  try {
    await sleep(clock, delayMs, cut.signal);
    return true;
  } catch {
    return false;
  } finally {
    for (const end of unfollow) end();
  }
}
