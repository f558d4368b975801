/** The values that one field of a cron expression may have, and their names. */
export interface FieldBounds {
  /** What the field is called in messages. */
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names: Readonly<Record<string, number>>;
}

/** The five fields in their order. 7 is no day of the week here, and names are those of months and days alone. */
export const cronFields = {
  minute: { name: 'minute', least: 0, most: 59, names: {} },
  hour: { name: 'hour', least: 0, most: 23, names: {} },
  dayOfMonth: { name: 'day of month', least: 1, most: 31, names: {} },
  month: {
    name: 'month',
    least: 1,
    most: 12,
    names: { jan: 1, feb: 2, mar: 3, apr: 4, may: 5, jun: 6, jul: 7, aug: 8, sep: 9, oct: 10, nov: 11, dec: 12 },
  },
  dayOfWeek: { name: 'day of week', least: 0, most: 6, names: { sun: 0, mon: 1, tue: 2, wed: 3, thu: 4, fri: 5, sat: 6 } },
} as const satisfies Readonly<Record<string, FieldBounds>>;

/** The values that a field matches. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  /** Whether it was written with `*` or `?` and no step above 1: two day fields of which one has a star must both match, else one is enough. */
  readonly star: boolean;
}

/** Every value of a field. */
export function everyValue({ least, most }: FieldBounds): CronField {
  return { values: stepped(least, most, 1), star: true };
}

/** One value of a field. */
export function onlyValue(value: number): CronField {
  return { values: new Set([value]), star: false };
}

/** Reads a comma-separated list of ranges; a problem, in words, comes back as a string. A list of commas alone matches nothing, and is no problem. */
export function readCronField(text: string, bounds: FieldBounds): CronField | string {
  const values = new Set<number>();
  let star = false;
  for (const range of text.split(',')) {
    if (range === '') continue;
    const read = readRange(range, bounds);
    if (typeof read === 'string') return read;
    for (const value of read.values) values.add(value);
    star ||= read.star;
  }
  return { values, star };
}

/** `number | name | "*" | "?"`, `"-" number`, `"/" step`. What follows the hyphen after a star is not looked at. */
function readRange(range: string, bounds: FieldBounds): CronField | string {
  const [span = '', step, ...slashes] = range.split('/');
  const [low = '', high, ...hyphens] = span.split('-');
  const star = low === '*' || low === '?';
  let start: number = bounds.least;
  let end: number = bounds.most;
  if (!star) {
    const first = readValue(low, bounds);
    if (typeof first === 'string') return first;
    if (hyphens.length > 0) return `${range} has too many hyphens`;
    const last = high === undefined ? first : readValue(high, bounds);
    if (typeof last === 'string') return last;
    start = first;
    // "5/15" is short for "5-59/15".
    end = high === undefined && step !== undefined ? bounds.most : last;
  }
  if (slashes.length > 0) return `${range} has too many slashes`;
  const stride = step === undefined ? 1 : readNumber(step);
  if (typeof stride === 'string') return stride;
  if (start < bounds.least || end > bounds.most) return `${range} is not within ${bounds.least} to ${bounds.most}`;
  if (start > end) return `${range} ends before it begins`;
  if (stride === 0) return `${range} has a step of 0`;
  return { values: stepped(start, end, stride), star: star && stride === 1 };
}

function readValue(text: string, { names }: FieldBounds): number | string {
  const name = text.toLowerCase();
  return Object.hasOwn(names, name) ? (names[name] ?? 0) : readNumber(text);
}

/** Go's `strconv.Atoi`, without negative numbers. */
function readNumber(text: string): number | string {
  if (!/^[+-]?[0-9]+$/.test(text)) return text === '' ? 'a number is missing' : `${text} is no number`;
  const number = BigInt(text.replace('+', ''));
  if (number < 0n || number >= 2n ** 63n) return `${text} is out of range`;
  return Number(number);
}

function stepped(start: number, end: number, stride: number): ReadonlySet<number> {
  const values = new Set<number>();
  for (let value = start; value <= end; value += stride) values.add(value);
  return values;
}
