import { timeZone } from '../../src/schedule/time-zone.ts';
import { timeZoneNames } from '../../src/schedule/time-zone-names.ts';
import { createRandom, type Random } from '../simulation/random.ts';
import type { CronTimes } from './cron-corpus.ts';

/** Items between bars. */
function listed(text: string): readonly string[] {
  return text.split('|');
}

/** Expressions in every corner of the dialect, well-formed and not. */
export const expressions: readonly string[] = [
  // Five fields.
  ...listed(
    `* * * * *|0 7 * * 1-5|*/15 * * * *|5/15 * * * *|0-59/7 9-17 * * MON-FRI|1,2,3 4,5 6,7 8,9 0,6|00 07 * * 01|? ? ? ? ?|0 0 ? * 1|0 0 1 * ?|\
*/1 * * * *|?/5 * * * *|0 0 */2 * *|0 0 */1 * 1|0 0 1 */1 */1|* * *,1 * 1|0 0 1 JAN *|0 0 1 jan-Mar,dEC *|0 0 * * sun|0 0 * * sun-sat/2|\
0 0 * * Fri-Mon|0 0 * * wed/2|0 0 1 nov/1 *|59 23 31 12 6|0 0 31 * *|0 0 13 * 5|0 0 13 * fri|+5 +6 * * *|0 0 * * +1|*/+5 * * * *|\
0 0 +1-+3 * *| 0 0 * * * |0\t0\t*\t*\t*|0  0   *    *     *|0 0 * * *\n|0\u00a00\u2003*\u3000*\u0085*|0\ufeff0 * * * *|0\u200b0 * * * *|\
*-5 * * * *|*-x * * * *|?-/2 * * * *|*-5/7 * * * *|*-1-2 * * * *|* *-25 * * *|1,,2 * * * *|,1 * * * *|1, * * * *|, * * * *|,,, * * * *|\
0 , * * *|0 0 , * *|0 0 , * 1|0 0 1 , *|0 0 1 * ,|0 0 30 2 *|0 0 31 2,4,6,9,11 *|0 0 29 2 *|0 0 29 2 1|0 0 29 2 */1|59 23 31 2 *|0 24 * * *|\
60 * * * *|* * 0 * *|* * 32 * *|* * * 0 *|* * * 13 *|* * * * 7|* * * * 0-7|5-1 * * * *|*/0 * * * *|1-5/0 * * * *|*/60 * * * *|*/61 * * * *|\
*/9223372036854775807 * * * *|*/9223372036854775808 * * * *|*/18446744073709551615 * * * *|59/9999999999 * * * *|0/30 * * * *|-5 * * * *|\
5- * * * *|- * * * *|1-2-3 * * * *|1/2/3 * * * *|*//2 * * * *|*/ * * * *|/5 * * * *|*/-5 * * * *|*/-0 * * * *|** * * * *|*5 * * * *|\
5* * * * *|5*/2 * * * *|a * * * *|mon * * * *|* jan * * *|* * mon * *|* * * sun *|* * * * jan|* * * january *|* * * * monday|* * * * mo|\
1.5 * * * *|0x5 * * * *|1e1 * * * *|1_0 * * * *|\uff11 * * * *|\u0663 * * * *|* * * * L|* * 1W * *|* * * * 1#2|H * * * *|* * L * *|\
* * * * 5L|%5 * * * *|"0 0 * * *"|~ * * * *|1;2 * * * *|* * * * \uff2d\uff2f\uff2e|0 0 * * \u017fat|0 0 * * MON\u212a|| |*|* *|* * * *|\
* * * * * *|0 0 0 * * *|0 0 1 1 * 2026|* * * * * # every minute|\n|0 0 * *|@|@@daily`,
  ),
  // Names for them.
  ...listed(
    `@yearly|@annually|@monthly|@weekly|@daily|@midnight|@hourly|@Daily|@DAILY| @daily|@daily |@reboot|@minutely|@every|@constructor|@__proto__|\
@hourly @daily|daily|@ daily`,
  ),
  // Delays.
  ...listed(
    `@every 1h|@every 90s|@every 1h30m|@every 1h30m10s500ms|@every 0|@every +0|@every -0|@every 0s|@every -1h|@every +1h|@every 1.5h|@every .5m|\
@every 1.m|@every .m|@every 1ns|@every 1us|@every 1µs|@every 1μs|@every 999ms|@every 1500ms|@every 1d|@every 1w|@every 1|@every h|@every 1h |\
@every  1h|@every 1 h|@every 1H|@every 1hm|@every 1h-5m|@every 1h+5m|@every 1h1h|@every |@every 1m1h|@every 2562047h47m16.854775807s|\
@every 2562047h47m16.854775808s|@every -2562047h47m16.854775808s|@every 2562048h|@every 9223372036854775807ns|@every 9223372036854775808ns|\
@every 99999999999999999999s|@every 0.9999999999999999999999s|@every 1.99999999999999999999h|@every 0.1.2s|@every 1e3s|@every 00001h|\
@every 0x1h|@every 1_0h|@every one hour|@every 5m # comment|@every\t5m|@every @hourly|@every 0.00000000000000000001h`,
  ),
  // Time zones have a field of their own.
  ...listed(
    `TZ=UTC * * * * *|CRON_TZ=UTC * * * * *|TZ=Nowhere/Land * * * * *|TZ=UTC|TZ=|CRON_TZ=UTC @daily|TZ=UTC  @every 5m|* * * * * TZ|\
tz=UTC * * * * *|TZUTC * * * * *|* * * * TZ| TZ=UTC * * * * *|@every TZ|@TZ`,
  ),
];

/** Names of time zones, and what looks like them. */
export const zoneNames: readonly string[] = [
  ...timeZoneNames,
  ...listed(
    `europe/berlin|EUROPE/BERLIN|Europe/berlin|asia/kolkata|asia/calcutta|etc/utc|utc|Utc|gmt|est5edt|us/eastern|CEST|PST|IST|| |Local|local|\
LOCAL|+01:00|-05:00|UTC+1|GMT+1|UTC | UTC|Europe|Europe/|/Europe/Berlin|Europe//Berlin|Europe/../UTC|./UTC|../UTC|Europe/Berlin/Mitte|\
Nowhere/Land|Mars/Olympus|America/Argentina|-UTC|Etc/GMT+15|Etc/GMT-14|Etc/GMT+12|Etc/GMT+1|Etc/gmt+1|Europe/Isle of Man|Z\u00fcrich|\
Europe/Z\u00fcrich|constructor|__proto__|U|America/Indiana/Indianapolis1`,
  ),
];

/** Zones whose clocks do strange things: skip midnight, move by half an hour or by two, lose a day, have their winter as daylight saving. */
const strangeZones = listed(
  `Etc/UTC|Europe/Berlin|Europe/London|Europe/Dublin|America/New_York|America/St_Johns|America/Sao_Paulo|America/Havana|America/Santiago|\
America/Asuncion|America/Scoresbysund|America/Caracas|Atlantic/Azores|Africa/Cairo|Africa/Casablanca|Africa/Monrovia|Asia/Beirut|Asia/Amman|\
Asia/Gaza|Asia/Tehran|Asia/Kolkata|Asia/Kathmandu|Asia/Pyongyang|Australia/Lord_Howe|Australia/Sydney|Antarctica/Troll|Pacific/Apia|\
Pacific/Chatham|Pacific/Kwajalein`,
);

/** What people schedule, at the hours at which clocks are changed. */
const aroundChanges = listed(
  `*/30 * * * *|45 * * * *|@hourly|0 0 * * *|30 0 * * *|0 1 * * *|30 1 * * *|0 2 * * *|30 2 * * *|15 3 * * *|59 23 * * *|0 */2 * * *|\
0 */6 * * *|*/20 0-3 * * *|30 0,1,2,3 * * 0|0 0 1 * *|30 2 1,15 * 5|@weekly|@monthly|0 0 29 * *|30 0 * 4,10 *|@every 1h30m`,
);

const afterThese = listed(
  `1969-12-31T23:59:59Z|1999-12-31T23:59:59.999Z|2000-02-28T12:00:00Z|2024-02-28T23:59:30Z|2024-02-29T00:00:00Z|2024-02-29T00:00:00.001Z|\
2025-06-15T07:00:00Z|2025-12-31T23:59:00Z|2026-01-01T00:00:00.500Z|2096-03-01T00:00:00Z|2099-12-31T23:59:59Z|2100-02-28T23:59:00Z`,
);

/** The questions of the corpus, without their answers; `taken` tells an expression that the API server takes. The same at each call. */
export function timesToAsk(
  taken: (expression: string) => boolean,
): readonly (Omit<CronTimes, 'next'> & { readonly expressions: readonly string[] })[] {
  const random = createRandom(20_261_125);
  const good = expressions.filter(taken);
  const plain = afterThese.map((time) => ({ zone: 'Etc/UTC', afterMs: Date.parse(time), expressions: good }));
  const strange = strangeZones.flatMap((zone) =>
    changesOf(zone).flatMap((change) =>
      [36 * 3600, 5400, 1, 0].map((before) => ({
        zone,
        afterMs: (change - before) * 1000,
        expressions: [...picked(aroundChanges, 6, random), randomExpression(random), randomExpression(random)],
      })),
    ),
  );
  const anywhere = strangeZones.map((zone) => ({
    zone,
    afterMs: random.integer(Date.parse('1975-01-01'), Date.parse('2025-12-31')),
    expressions: [...picked(good, 6, random), randomExpression(random)],
  }));
  return [...plain, ...strange, ...anywhere];
}

/** Some of the times at which a zone's clocks were changed in the years up to 2025, in seconds. */
function changesOf(name: string): readonly number[] {
  const zone = timeZone(name);
  if (zone === undefined) throw new Error(`no time zone ${name}`);
  const changes: number[] = [];
  const day = 86_400;
  for (let at = Date.parse('1990-01-01') / 1000; at < Date.parse('2025-12-31') / 1000; at += day) {
    if (zone.offsetAt(at) === zone.offsetAt(at + day)) continue;
    let [before, after] = [at, at + day];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (zone.offsetAt(middle) === zone.offsetAt(at)) before = middle;
      else after = middle;
    }
    changes.push(after);
  }
  const middle = Math.floor(changes.length / 2);
  return [...new Set([...changes.slice(0, 1), ...changes.slice(middle, middle + 2), ...changes.slice(-4)])];
}

function picked<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const left = [...items];
  return Array.from({ length: count }, () => left.splice(random.integer(0, left.length - 1), 1)).flat();
}

function randomExpression(random: Random): string {
  const field = (least: number, most: number): string => {
    const low = random.integer(least, most);
    const high = random.integer(low, most);
    return random.pick([
      '*',
      '*',
      String(low),
      `${low}-${high}`,
      `*/${random.integer(1, 12)}`,
      `${low}/${random.integer(1, 20)}`,
      `${low},${high}`,
      `${low}-${high}/2`,
    ]);
  };
  return [field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)].join(' ');
}
