/** A timer that was set and can be taken back; cancelling one that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from. Everything that waits or reads a time takes one of these, so that tests can own time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `fire` once, after `delayMs` (0: as soon as the current turn of the event loop is over). */
  timer(delayMs: number, fire: () => void): Timer;
}

/** The largest delay that `setTimeout` keeps; a longer one would fire at once (Node documents 2^31 - 1). */
const LONGEST_DELAY_MS = 2_147_483_647;

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  timer(delayMs, fire) {
    if (delayMs <= 0) {
      const immediate = setImmediate(fire);
      return { cancel: () => clearImmediate(immediate) };
    }
    const timeout = setTimeout(fire, Math.min(delayMs, LONGEST_DELAY_MS));
    return { cancel: () => clearTimeout(timeout) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.timer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
