import type { Clock, Timer } from '../lib/clock.ts';

/** Watches for something that should make itself heard. */
export interface Silence {
  /** Something was heard. */
  broken(): void;
  /** From now on the whole rest may take `ms`, heard or not; the first call counts. */
  endAfter(ms: number): void;
  /** Whether it was silent for too long. */
  tooLong(): boolean;
  /** Ends the watch. */
  end(): void;
}

/** Calls `onTooLong` once when nothing was heard for `limitMs`. */
export function watchSilence(clock: Clock, limitMs: number, onTooLong: () => void): Silence {
  let deadline = clock.now() + limitMs;
  let final = false;
  let over = false;
  let timer: Timer;

  // One timer that looks again when it fires, instead of a new timer for each of a thousand events.
  function check(): void {
    const remainingMs = deadline - clock.now();
    if (remainingMs > 0) {
      timer = clock.timer(remainingMs, check);
      return;
    }
    over = true;
    onTooLong();
  }
  timer = clock.timer(limitMs, check);

  return {
    broken() {
      if (!final) deadline = clock.now() + limitMs;
    },
    endAfter(ms) {
      if (final) return;
      final = true;
      timer.cancel();
      deadline = clock.now() + ms;
      timer = clock.timer(ms, check);
    },
    tooLong: () => over,
    end: () => timer.cancel(),
  };
}
