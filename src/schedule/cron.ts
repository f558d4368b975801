import { InputError } from '../lib/errors.ts';
import { type CronField, cronFields, everyValue, type FieldBounds, onlyValue, readCronField } from './cron-field.ts';
import { goDurationNs } from './go-duration.ts';

/** A cron expression, read. */
export type Cron =
  | {
      readonly kind: 'fields';
      readonly minute: CronField;
      readonly hour: CronField;
      readonly dayOfMonth: CronField;
      readonly month: CronField;
      readonly dayOfWeek: CronField;
    }
  /** `@every`: so long after the last time, whatever the clock on the wall says; whole seconds. */
  | { readonly kind: 'delay'; readonly delayMs: number };

const midnight = { kind: 'fields', minute: onlyValue(0), hour: onlyValue(0) } as const;
const anyDayOfMonth = everyValue(cronFields.dayOfMonth);
const anyMonth = everyValue(cronFields.month);
const anyDayOfWeek = everyValue(cronFields.dayOfWeek);
const daily: Cron = { ...midnight, dayOfMonth: anyDayOfMonth, month: anyMonth, dayOfWeek: anyDayOfWeek };
const yearly: Cron = { ...midnight, dayOfMonth: onlyValue(1), month: onlyValue(1), dayOfWeek: anyDayOfWeek };

const descriptors: Readonly<Record<string, Cron>> = {
  '@yearly': yearly,
  '@annually': yearly,
  '@monthly': { ...midnight, dayOfMonth: onlyValue(1), month: anyMonth, dayOfWeek: anyDayOfWeek },
  '@weekly': { ...midnight, dayOfMonth: anyDayOfMonth, month: anyMonth, dayOfWeek: onlyValue(0) },
  '@daily': daily,
  '@midnight': daily,
  '@hourly': { ...daily, hour: everyValue(cronFields.hour) },
};

const EVERY = '@every ';

/** White space as Go's `unicode.IsSpace` has it; JavaScript's `\s` knows U+0085 not, and U+FEFF as well. */
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/**
 * Reads a cron expression in the dialect of Kubernetes' CronJob, which is that of `ParseStandard` of github.com/robfig/cron/v3 3.0.1.
 * A time zone in the expression (`TZ=`, `CRON_TZ=`) is refused, as the API server refuses it. Throws `InputError` (`BadSchedule`).
 */
export function parseCron(text: string): Cron {
  if (text.includes('TZ')) throw bad('a schedule holds no TZ= or CRON_TZ=: remove it, and name the time zone in spec.timeZone');
  if (text.startsWith('@')) return parseDescriptor(text);
  const fields = text.split(SPACE).filter((field) => field !== '');
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields;
  if (
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    dayOfWeek === undefined ||
    fields.length > 5
  )
    throw bad(`${fields.length} fields, and it takes five: minute, hour, day of month, month, day of week, such as "0 7 * * 1-5"`);
  return {
    kind: 'fields',
    minute: parseField(minute, cronFields.minute),
    hour: parseField(hour, cronFields.hour),
    dayOfMonth: parseField(dayOfMonth, cronFields.dayOfMonth),
    month: parseField(month, cronFields.month),
    dayOfWeek: parseField(dayOfWeek, cronFields.dayOfWeek),
  };
}

function parseField(text: string, bounds: FieldBounds): CronField {
  const field = readCronField(text, bounds);
  if (typeof field !== 'string') return field;
  const values = `${bounds.least} to ${bounds.most}${Object.keys(bounds.names).length > 0 ? ', names of three letters' : ''}`;
  throw bad(`${bounds.name}: ${field}: write numbers (${values}), ranges such as 1-5, steps such as */2, or a list of them`);
}

function parseDescriptor(text: string): Cron {
  const known = Object.hasOwn(descriptors, text) ? descriptors[text] : undefined;
  if (known !== undefined) return known;
  const names = Object.keys(descriptors).join(', ');
  if (!text.startsWith(EVERY)) throw bad(`${text} is not known: write five fields, one of ${names}, or @every with a duration`);
  const ns = goDurationNs(text.slice(EVERY.length));
  if (ns === undefined) throw bad(`${text}: not a duration: write hours, minutes and seconds, such as @every 1h30m`);
  const seconds = ns / 1_000_000_000n;
  return { kind: 'delay', delayMs: Number(seconds < 1n ? 1n : seconds) * 1000 };
}

function bad(message: string): InputError {
  return new InputError('BadSchedule', message);
}
