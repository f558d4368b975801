import { instantOf, type TimeZone, wallTime } from '../../schedule/time-zone.ts';

/** A span of time that a limit is for. Milliseconds since the epoch; `until` is the first moment after it. */
export interface Period {
  readonly from: number;
  readonly until: number;
}

/** The kinds of period that a budget may have a limit for. */
export const periodNames = ['day', 'month'] as const;

/** A kind of period. */
export type PeriodName = (typeof periodNames)[number];

/** The day or month that a moment (milliseconds) lies in, as the clocks of a zone count. */
export function periodAt(name: PeriodName, zone: TimeZone, now: number): Period {
  const { year, month, day } = wallTime(zone, Math.floor(now / 1000));
  const midnight = (date: { readonly month: number; readonly day: number }) =>
    instantOf(zone, { year, ...date, hour: 0, minute: 0, second: 0 }) * 1000;
  return name === 'day'
    ? { from: midnight({ month, day }), until: midnight({ month, day: day + 1 }) }
    : { from: midnight({ month, day: 1 }), until: midnight({ month: month + 1, day: 1 }) };
}
