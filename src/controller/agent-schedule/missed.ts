import { tickOutcomes } from '../../api/tick-outcomes.ts';
import type { Run } from './runs.ts';

/** What is known of the runs that were due. */
export interface Count {
  readonly missed: number;
  /** Until when it was looked, in milliseconds. */
  readonly through: number;
  /** What became of the last run that was due: `undefined` where none was looked at. */
  readonly last?: Fate;
}

/** What became of a run that was due. */
export type Fate = 'begun' | 'not-started' | 'skipped';

/** What counting needs to know. All times in milliseconds. */
export interface Due {
  /** What was counted before. */
  readonly before: Count;
  /** The first time after another one that a run is due; `undefined`: none. */
  readonly next: (after: number) => number | undefined;
  /** Of the Jobs that are kept. */
  readonly runs: readonly Run[];
  /** How many Jobs of each kind are kept. */
  readonly history: { readonly successful: number; readonly failed: number };
  /** For when the CronJob has last begun a run. */
  readonly lastScheduled: number | undefined;
  readonly startingDeadlineMs: number;
  /** Nothing can begin now: the schedule is suspended, or its agent is not there. */
  readonly halted: boolean;
  readonly now: number;
}

/** A tick that was started says within so much time that it skips its run. */
const SETTLE_MS = 60_000;

const MINUTE_MS = 60_000;

/** So many due runs are looked at at a time; a schedule that was away for longer goes on with the next look. */
const MOST_AT_A_TIME = 500;

/**
 * Counts the runs that were due since the last count and did not begin: no Job was started in time, or its tick began none since the one before was under way.
 * Each is judged in its turn, as soon as can be said what became of it. Pure.
 */
export function countMissed(due: Due): Count {
  if (due.halted) return due.before;
  let { missed, through, last } = due.before;
  for (let looked = 0; looked < MOST_AT_A_TIME; looked += 1) {
    const at = due.next(through);
    const fate = at === undefined || at > due.now ? undefined : fateOf(at, due);
    if (at === undefined || fate === undefined) break;
    if (fate !== 'begun') missed += 1;
    last = fate;
    through = at;
  }
  return { missed, through, ...(last === undefined ? {} : { last }) };
}

/** What became of the run that was due at this time; `undefined` while that is open. */
function fateOf(at: number, { runs, history, lastScheduled, startingDeadlineMs, now }: Due): Fate | undefined {
  // Only `@every` has seconds, and the name of its Job has lost them.
  const minute = minuteOf(at);
  const run = runs.find(({ slot }) => slot !== undefined && minuteOf(slot) === minute);
  if (run?.end !== undefined) return run.end.outcome === 'skipped' ? 'skipped' : 'begun';
  if (run !== undefined) return now - (run.createdAt ?? 0) > SETTLE_MS ? 'begun' : undefined;
  const lastMinute = minuteOf(lastScheduled ?? Number.NEGATIVE_INFINITY);
  const isPassed = lastMinute > minute || runs.some(({ slot }) => slot !== undefined && minuteOf(slot) > minute);
  if (isPassed && wouldBeKept(at, runs, history)) return 'not-started';
  if (lastMinute >= minute) return 'begun';
  return at + Math.max(startingDeadlineMs, SETTLE_MS) < now ? 'not-started' : undefined;
}

/**
 * Whether a Job of this time would still be there. Of those that ended well and of those that failed the oldest go first, and only where too many are newer; which of
 * the two the Job would have been nobody knows. While no older Job is kept at all, it may have been deleted otherwise.
 */
function wouldBeKept(at: number, runs: readonly Run[], { successful, failed }: Due['history']): boolean {
  const timeOf = ({ slot, createdAt }: Run) => slot ?? createdAt ?? 0;
  if (!runs.some((run) => timeOf(run) < at)) return false;
  return [
    { limit: successful, ended: runs.filter((run) => endedWell(run) === true) },
    { limit: failed, ended: runs.filter((run) => endedWell(run) === false) },
  ].every(({ limit, ended }) => ended.some((run) => timeOf(run) < at) || ended.filter((run) => timeOf(run) > at).length < limit);
}

/** As Kubernetes sees it; `undefined` while it has not ended. */
function endedWell({ end }: Run): boolean | undefined {
  if (end === undefined) return undefined;
  return end.outcome !== 'deadline' && end.outcome !== 'failed' && tickOutcomes[end.outcome].exitCode === 0;
}

function minuteOf(at: number): number {
  return Math.floor(at / MINUTE_MS);
}
