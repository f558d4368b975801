import type { Schedule } from './schedule.ts';

/** CronJobs begin at most one Job a minute. */
const SHORTEST_MS = 60_000;

/** How many runs a schedule begins after one time and not after another, in milliseconds since the epoch. */
export function runsBetween(schedule: Schedule, after: number, until: number): number {
  // The phase of `@every` is that of the CronJob's own life, which has not begun.
  if (schedule.delayMs !== undefined) return Math.floor((until - after) / Math.max(schedule.delayMs, SHORTEST_MS));
  let runs = 0;
  for (let at = schedule.nextAfter(after); at !== undefined && at <= until; at = schedule.nextAfter(at)) runs += 1;
  return runs;
}
