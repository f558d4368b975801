import { timeZoneNames } from './time-zone-names.ts';

/** A time zone of the IANA database: what its clocks show. All times in whole seconds since the epoch. */
export interface TimeZone {
  readonly name: string;
  /** Seconds that the zone is ahead of UTC at a time. */
  offsetAt(seconds: number): number;
}

/** What a clock on the wall shows. `month` from 1, `weekday` 0 for Sunday. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
}

const zones = new Map<string, TimeZone>();

/** The zone of this name, `undefined` where the IANA database has none. Names count with their capitals, as everywhere but in JavaScript. */
export function timeZone(name: string): TimeZone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = isTimeZoneName(name) ? formatFor(name) : undefined;
  if (format === undefined) return undefined;
  const zone = { name, offsetAt: (seconds: number) => offsetIn(format.format(seconds * 1000)) };
  zones.set(name, zone);
  return zone;
}

let names: ReadonlySet<string> | undefined;

function isTimeZoneName(name: string): boolean {
  names ??= new Set([...timeZoneNames, ...Intl.supportedValuesOf('timeZone')]);
  return names.has(name);
}

/** A runtime with an older database may not know each zone. */
function formatFor(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Of a text that ends in `GMT`, `GMT-03:00` or `GMT+00:53:28`. */
function offsetIn(text: string): number {
  const [, sign, hours, minutes, seconds = '0'] = /GMT([+-])(\d+):(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === '-' ? -offset : offset;
}

/** What the clocks of a zone show at a time. */
export function wallTime(zone: TimeZone, seconds: number): WallTime {
  const shifted = new Date((seconds + zone.offsetAt(seconds)) * 1000);
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    weekday: shifted.getUTCDay(),
  };
}

/**
 * When the clocks of a zone show a time; day and month may be out of range and carry over. Of a time that they skip or show twice, the one that Go takes:
 * https://cs.opensource.google/go/go/+/go1.26:src/time/time.go, `Date`.
 */
export function instantOf(zone: TimeZone, { year, month, day, hour, minute, second }: Omit<WallTime, 'weekday'>): number {
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return asUtc - zone.offsetAt(asUtc - zone.offsetAt(asUtc));
}
