import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeZone } from '../../schedule/time-zone.ts';
import { type PeriodName, periodAt } from './period.ts';

const cases: readonly (readonly [what: string, name: PeriodName, zone: string, at: string, from: string, until: string])[] = [
  ['a day in UTC', 'day', 'Etc/UTC', '2026-11-26T23:59:59.999Z', '2026-11-26T00:00:00Z', '2026-11-27T00:00:00Z'],
  ['its first moment', 'day', 'Etc/UTC', '2026-11-27T00:00:00Z', '2026-11-27T00:00:00Z', '2026-11-28T00:00:00Z'],
  ['a day in a zone that is ahead', 'day', 'Asia/Kolkata', '2026-11-26T20:00:00Z', '2026-11-26T18:30:00Z', '2026-11-27T18:30:00Z'],
  [
    'the long day on which the clocks go back',
    'day',
    'Europe/Berlin',
    '2026-10-25T12:00:00Z',
    '2026-10-24T22:00:00Z',
    '2026-10-25T23:00:00Z',
  ],
  ['a month', 'month', 'Etc/UTC', '2026-02-28T12:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'],
  ['the last month of a year', 'month', 'America/New_York', '2026-12-31T23:00:00Z', '2026-12-01T05:00:00Z', '2027-01-01T05:00:00Z'],
];

for (const [what, name, zoneName, at, from, until] of cases)
  test(`period: ${what}`, () => {
    const zone = timeZone(zoneName);
    assert.ok(zone);
    const period = periodAt(name, zone, Date.parse(at));
    assert.deepEqual(period, { from: Date.parse(from), until: Date.parse(until) });
  });
