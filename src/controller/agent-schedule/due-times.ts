import type { Schedule } from '../../schedule/schedule.ts';
import type { CachedCronJob } from './resource.ts';

/**
 * The first time after another one that Kubernetes begins a run, in milliseconds. `@every` counts from the last time that the CronJob has begun a run for, or else from when
 * the CronJob was made: before that there is none, and without a CronJob there is none at all.
 * https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/controller/cronjob/utils.go, `mostRecentScheduleTime`
 */
export function dueAfter(
  { delayMs, nextAfter }: Pick<Schedule, 'delayMs' | 'nextAfter'>,
  cronJob: CachedCronJob | undefined,
): (after: number) => number | undefined {
  if (delayMs === undefined) return nextAfter;
  const created = cronJob?.metadata.creationTimestamp;
  if (created === undefined) return () => undefined;
  const first = Date.parse(created);
  const anchor = Date.parse(cronJob?.status?.lastScheduleTime ?? created);
  return (after) => anchor + (Math.floor((Math.max(after, first) - anchor) / delayMs) + 1) * delayMs;
}
