import type { Cron } from './cron.ts';
import { instantOf, type TimeZone, type WallTime, wallTime } from './time-zone.ts';

/** An expression that matches nothing for so many years is said to never match. */
const YEARS = 5;

const DAY_SECONDS = 86_400;

/**
 * The first time after `after` that a cron expression names in a zone, `undefined` where there is none within five years; in milliseconds since the epoch.
 * Step for step `SpecSchedule.Next` and `ConstantDelaySchedule.Next` of github.com/robfig/cron/v3 3.0.1, which kube-controller-manager calls: what the clock
 * skips or shows twice when daylight saving begins and ends is met, missed or met twice as there.
 */
export function nextAfter(cron: Cron, zone: TimeZone, after: number): number | undefined {
  const second = Math.floor(after / 1000);
  if (cron.kind === 'delay') return second * 1000 + cron.delayMs;
  // No walk through the years is needed to see that these match nothing.
  if (cron.month.values.size === 0 || cron.hour.values.size === 0 || cron.minute.values.size === 0) return undefined;
  const found = search(cron, zone, second + 1);
  return found === undefined ? undefined : found * 1000;
}

/** Goes forward to the first match of each field in turn, from the month down; where that carries over, begins anew. */
function search(cron: Extract<Cron, { kind: 'fields' }>, zone: TimeZone, from: number): number | undefined {
  const { minute, hour, month } = cron;
  let seconds = from;
  let now = wallTime(zone, seconds);
  const goTo = (to: number) => {
    seconds = to;
    now = wallTime(zone, seconds);
  };
  const lastYear = now.year + YEARS;
  // Once a field was moved, the smaller ones begin at their least.
  let moved = false;
  const begin = (wall: Partial<WallTime>) => {
    if (!moved) goTo(instantOf(zone, { ...now, hour: 0, minute: 0, second: 0, ...wall }));
    moved = true;
  };

  anew: while (now.year <= lastYear) {
    while (!month.values.has(now.month)) {
      begin({ day: 1 });
      goTo(instantOf(zone, { ...now, month: now.month + 1 }));
      if (now.month === 1) continue anew;
    }
    while (!dayMatches(cron, now)) {
      begin({});
      const tomorrow = instantOf(zone, { ...now, day: now.day + 1 });
      // Of a day that the zone skipped as a whole Go takes the one before, and turns in circles there.
      goTo(tomorrow > seconds ? tomorrow : seconds + DAY_SECONDS);
      // Where midnight is skipped the day begins, or the one before ends, at another hour.
      if (now.hour !== 0) goTo(seconds + (now.hour > 12 ? 24 - now.hour : -now.hour) * 3600);
      if (now.day === 1) continue anew;
    }
    while (!hour.values.has(now.hour)) {
      begin({ hour: now.hour });
      goTo(seconds + 3600);
      if (now.hour === 0) continue anew;
    }
    while (!minute.values.has(now.minute)) {
      if (!moved) goTo(Math.floor(seconds / 60) * 60);
      moved = true;
      goTo(seconds + 60);
      if (now.minute === 0) continue anew;
    }
    if (now.second === 0) return seconds;
    moved = true;
    goTo(seconds + 60 - now.second);
  }
  return undefined;
}

/** Whether the two day fields match a day: both must where one of them has a star, else one is enough. */
export function dayMatches(
  { dayOfMonth, dayOfWeek }: Extract<Cron, { kind: 'fields' }>,
  { day, weekday }: Pick<WallTime, 'day' | 'weekday'>,
): boolean {
  const byMonth = dayOfMonth.values.has(day);
  const byWeek = dayOfWeek.values.has(weekday);
  return dayOfMonth.star || dayOfWeek.star ? byMonth && byWeek : byMonth || byWeek;
}
