import type { Cron } from './cron.ts';
import { dayMatches } from './next.ts';
import { type TimeZone, type WallTime, wallTime } from './time-zone.ts';

/** A time that a cron expression names and that the clocks of its zone skip, or show twice, on a day on which they are changed. */
export interface ClockChange {
  readonly kind: 'skipped' | 'repeated';
  readonly time: Pick<WallTime, 'year' | 'month' | 'day' | 'hour' | 'minute'>;
}

const DAY_SECONDS = 86_400;
const DAYS = 366;

/** More hours a day than this are an interval rather than times of day: one more or less of them is nothing to warn of. */
const MOST_HOURS = 4;

/** The next changes of the clocks, within a year after `from` (milliseconds), that a cron expression is touched by. */
export function clockChanges(cron: Cron, zone: TimeZone, from: number): readonly ClockChange[] {
  if (cron.kind === 'delay' || cron.hour.values.size > MOST_HOURS) return [];
  return changesOf(zone, Math.floor(from / 1000)).flatMap((at) => {
    const [before, after] = [zone.offsetAt(at - 1), zone.offsetAt(at)];
    const kind = after > before ? 'skipped' : 'repeated';
    // What a clock that was not changed would show, or did show before.
    const [first, length] = after > before ? [at + before, after - before] : [at + after, before - after];
    for (let shown = first; shown < first + length; shown += 60) {
      const time = wallTime({ ...zone, offsetAt: () => 0 }, shown);
      if (names(cron, time)) return [{ kind, time } as const];
    }
    return [];
  });
}

/** When the clocks of a zone are changed within a year, in seconds. */
function changesOf(zone: TimeZone, from: number): readonly number[] {
  const changes: number[] = [];
  for (let day = from; day < from + DAYS * DAY_SECONDS; day += DAY_SECONDS) {
    const before = zone.offsetAt(day);
    if (before === zone.offsetAt(day + DAY_SECONDS)) continue;
    let [same, changed] = [day, day + DAY_SECONDS];
    while (changed - same > 1) {
      const middle = Math.floor((same + changed) / 2);
      if (zone.offsetAt(middle) === before) same = middle;
      else changed = middle;
    }
    changes.push(changed);
  }
  return changes;
}

function names(cron: Extract<Cron, { kind: 'fields' }>, time: WallTime): boolean {
  const { month, hour, minute } = cron;
  return dayMatches(cron, time) && month.values.has(time.month) && hour.values.has(time.hour) && minute.values.has(time.minute);
}
