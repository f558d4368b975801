import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runsBetween } from './runs.ts';
import { parseSchedule } from './schedule.ts';

const DAY_MS = 24 * 3_600_000;
const FROM = Date.UTC(2026, 0, 1);

const cases: readonly (readonly [name: string, cron: string, zone: string, days: number, runs: number])[] = [
  ['every day at seven', '0 7 * * *', 'Etc/UTC', 365, 365],
  ['on weekdays: 2026 has 104 days of a weekend', '0 7 * * 1-5', 'Europe/Berlin', 365, 261],
  ['every quarter of an hour', '*/15 * * * *', 'Etc/UTC', 365, 365 * 96],
  ['at a time that the clocks skip in March', '30 2 * * *', 'Europe/Berlin', 183, 182],
  ['and show twice in October', '30 2 * * *', 'Europe/Berlin', 365, 365],
  ['at the same time where nobody changes the clocks', '30 2 * * *', 'Etc/UTC', 183, 183],
  ['every 29 February, in a year without one', '0 0 29 2 *', 'Etc/UTC', 365, 0],
  ['every ninety minutes', '@every 90m', 'Etc/UTC', 1, 16],
  ['every second: a CronJob begins one Job a minute', '@every 1s', 'Etc/UTC', 1, 1_440],
];

for (const [name, cron, zone, days, runs] of cases)
  test(`${runs} runs in ${days} days: ${name}`, () =>
    assert.equal(runsBetween(parseSchedule(cron, zone), FROM, FROM + days * DAY_MS), runs));

test('the time that it ends with counts, the one that it begins with does not', () => {
  const daily = parseSchedule('0 0 * * *', 'Etc/UTC');
  assert.equal(runsBetween(daily, FROM, FROM + DAY_MS), 1);
  assert.equal(runsBetween(daily, FROM, FROM + DAY_MS - 1), 0);
});
