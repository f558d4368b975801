import { InputError } from '../lib/errors.ts';
import { type ClockChange, clockChanges } from './clock-change.ts';
import { type Cron, parseCron } from './cron.ts';
import { nextAfter } from './next.ts';
import { timeZone } from './time-zone.ts';

/** When something is due. All times in milliseconds since the epoch. */
export interface Schedule {
  /** The first time after this one; `undefined` where there is none within five years. */
  nextAfter(after: number): number | undefined;
  /** The last time after `after` that is not after `now`; `undefined` where there is none. */
  latestBetween(after: number, now: number): number | undefined;
  /** When what was due in this minute is overtaken by the next time. */
  endOfSlot(slot: number): number;
  /** The changes of the clocks within a year that skip or repeat a time of the schedule. */
  clockChanges(from: number): readonly ClockChange[];
  /** How long `@every` waits from one time to the next; `undefined` for all else. */
  readonly delayMs: number | undefined;
}

/** A time zone is asked for this one where a spec names none. */
export const DEFAULT_TIME_ZONE = 'Etc/UTC';

/** Any date before a leap day: what is found from here on is found in every eight years. */
const ANY_TIME = Date.UTC(2024, 0, 1);

const MINUTE_MS = 60_000;
const YEAR_MS = 366 * 24 * 3_600_000;

/** A schedule by a cron expression and a zone. Throws `InputError` (`BadSchedule`) with the field that is wrong, `schedule` or `timeZone`, as its path. */
export function parseSchedule(cronText: string, zoneName: string): Schedule {
  const zone = timeZone(zoneName);
  if (zone === undefined) {
    const message = `there is no time zone ${zoneName}: name one of the IANA database, capitals included, such as Europe/Berlin or Etc/UTC`;
    throw new InputError('BadSchedule', message, { path: 'timeZone' });
  }
  const cron = cronOrFault(cronText);
  const next = (after: number) => nextAfter(cron, zone, after);
  if (next(ANY_TIME) === undefined)
    throw new InputError('BadSchedule', 'this never happens: no day has such a date, such as 30 February, or a list is empty', {
      path: 'schedule',
    });
  return {
    nextAfter: next,
    latestBetween(after, now) {
      let latest: number | undefined;
      for (let at = next(after); at !== undefined && at <= now; at = next(at)) latest = at;
      return latest;
    },
    clockChanges: (from) => clockChanges(cron, zone, from),
    delayMs: cron.kind === 'delay' ? cron.delayMs : undefined,
    // The seconds that a delay has, and the slot has lost, must not end it before its time.
    endOfSlot: (slot) => next(cron.kind === 'delay' ? slot + MINUTE_MS - 1000 : slot) ?? slot + YEAR_MS,
  };
}

function cronOrFault(text: string): Cron {
  try {
    return parseCron(text);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError('BadSchedule', cause.message, { path: 'schedule', cause });
  }
}
