import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until the test moves it. */
export interface ManualClock extends Clock {
  /** Moves the time on and fires what has become due, in its order. What that sets in turn fires too, where it is due by then. */
  advance(ms: number): void;
  /** How many timers are set. */
  pending(): number;
}

/** A manual clock that begins at `startAt`. */
export function createManualClock(startAt = Date.UTC(2026, 0, 1)): ManualClock {
  let now = startAt;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  const due = (until: number) => [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    timer(delayMs, fire) {
      const timer = { at: now + Math.max(0, delayMs), fire };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance(ms) {
      const until = now + ms;
      for (let next = due(until); next !== undefined; next = due(until)) {
        timers.delete(next);
        now = next.at;
        next.fire();
      }
      now = until;
    },
    pending: () => timers.size,
  };
}
