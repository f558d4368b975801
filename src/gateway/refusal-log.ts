import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Reason } from './reasons.ts';

/** A request that was refused. */
export interface Refused {
  readonly route: string;
  readonly reason: Reason;
  readonly code: number;
  /** What its sender was told, where it is the sender's to mend. */
  readonly error?: string | undefined;
  /** Where it was sent to, where nothing is. */
  readonly path?: string;
}

/** Writes down that events could not be taken. */
export interface RefusalLog {
  note(refused: Refused): void;
}

/** One line per route and reason in this time: while a broker is down there may be thousands of refusals a second. */
const QUIET_MS = 10_000;

/** A log of refusals: the first of its kind at once, later ones counted in the next line. Holds one entry per route and reason. */
export function createRefusalLog(log: Log, clock: Clock): RefusalLog {
  const kinds = new Map<string, { lastAt: number; since: number }>();
  return {
    note(refused) {
      const { route, reason, code } = refused;
      const kind = kinds.get(`${route} ${reason}`) ?? { lastAt: Number.NEGATIVE_INFINITY, since: 0 };
      kinds.set(`${route} ${reason}`, kind);
      kind.since += 1;
      const now = clock.now();
      if (now - kind.lastAt < QUIET_MS) return;
      log.warn(code >= 500 ? 'webhook answered with an error' : 'request refused', { ...refused, requests: kind.since });
      kind.lastAt = now;
      kind.since = 0;
    },
  };
}
