import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Reason } from './reasons.ts';

/** Writes down that events could not be taken. */
export interface RefusalLog {
  note(route: string, reason: Reason, code: number): void;
}

/** One line per route and reason in this time: while a broker is down there may be thousands of refusals a second. */
const QUIET_MS = 10_000;

/** A log of refusals: the first of its kind at once, later ones counted in the next line. Holds one entry per route and reason. */
export function createRefusalLog(log: Log, clock: Clock): RefusalLog {
  const kinds = new Map<string, { lastAt: number; since: number }>();
  return {
    note(route, reason, code) {
      const kind = kinds.get(`${route} ${reason}`) ?? { lastAt: Number.NEGATIVE_INFINITY, since: 0 };
      kinds.set(`${route} ${reason}`, kind);
      kind.since += 1;
      const now = clock.now();
      if (now - kind.lastAt < QUIET_MS) return;
      log.warn('webhook answered with an error', { route, reason, code, requests: kind.since });
      kind.lastAt = now;
      kind.since = 0;
    },
  };
}
