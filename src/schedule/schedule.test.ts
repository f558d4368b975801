import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../lib/errors.ts';
import { parseCron } from './cron.ts';
import { everyToCron } from './every.ts';
import { parseSchedule } from './schedule.ts';

const at = (text: string) => Date.parse(text);
const iso = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString());

function fault(cron: string, zone: string): InputError {
  try {
    parseSchedule(cron, zone);
  } catch (error) {
    assert.ok(error instanceof InputError);
    return error;
  }
  throw new Error(`${cron} in ${zone} is taken`);
}

describe('a schedule', () => {
  it('counts by the clock of its zone', () => {
    const schedule = parseSchedule('0 7 * * 1-5', 'Europe/Berlin');
    assert.equal(
      iso(schedule.nextAfter(at('2026-03-27T06:00:00Z'))),
      '2026-03-30T05:00:00.000Z',
      'over the weekend on which summer time begins',
    );
  });

  it('knows the latest time that has come, not one before the first that counts', () => {
    const schedule = parseSchedule('*/10 * * * *', 'Etc/UTC');
    const latest = (after: string, now: string) => iso(schedule.latestBetween(at(after), at(now)));
    assert.equal(latest('2026-01-01T00:00:00Z', '2026-01-01T00:09:59Z'), undefined);
    assert.equal(latest('2026-01-01T00:00:00Z', '2026-01-01T00:10:00Z'), '2026-01-01T00:10:00.000Z');
    assert.equal(latest('2026-01-01T00:00:00Z', '2026-01-01T00:35:00Z'), '2026-01-01T00:30:00.000Z');
  });

  it('ends a slot with the next one', () => {
    assert.equal(iso(parseSchedule('0 7 * * *', 'Etc/UTC').endOfSlot(at('2026-01-01T07:00:00Z'))), '2026-01-02T07:00:00.000Z');
  });

  it('ends a slot of @every not before its time, although the slot has lost its seconds', () => {
    const end = parseSchedule('@every 90s', 'Etc/UTC').endOfSlot(at('2026-01-01T07:00:00Z'));
    assert.ok(end >= at('2026-01-01T07:00:59Z') + 90_000 && end <= at('2026-01-01T07:01:00Z') + 90_000, iso(end));
  });

  it('ends a slot after which none comes for years', () => {
    assert.equal(iso(parseSchedule('0 0 29 2 *', 'Etc/UTC').endOfSlot(at('2096-02-29T00:00:00Z'))), '2097-03-01T00:00:00.000Z');
  });

  for (const [cron, zone, path, says] of [
    ['0 7 * *', 'Etc/UTC', 'schedule', /4 fields, and it takes five/],
    ['0 25 * * *', 'Etc/UTC', 'schedule', /hour: 25 is not within 0 to 23/],
    ['0 7 * * 7', 'Etc/UTC', 'schedule', /day of week: 7 is not within 0 to 6.*names of three letters/],
    ['*/0 * * * *', 'Etc/UTC', 'schedule', /minute: \*\/0 has a step of 0/],
    ['0 7 * * fri-mon', 'Etc/UTC', 'schedule', /fri-mon ends before it begins/],
    ['@reboot', 'Etc/UTC', 'schedule', /@reboot is not known: .*@yearly.*@every/],
    ['@every day', 'Etc/UTC', 'schedule', /not a duration/],
    ['TZ=UTC 0 7 * * *', 'Etc/UTC', 'schedule', /spec\.timeZone/],
    ['0 0 30 2 *', 'Etc/UTC', 'schedule', /never happens/],
    [', * * * *', 'Etc/UTC', 'schedule', /never happens/],
    ['0 7 * * *', 'Europe/berlin', 'timeZone', /no time zone Europe\/berlin: .*capitals included/],
    ['0 7 * * *', 'CEST', 'timeZone', /no time zone CEST/],
  ] as const)
    it(`refuses ${cron} in ${zone}, and says what to do`, () => {
      const error = fault(cron, zone);
      assert.deepEqual([error.code, error.path], ['BadSchedule', path]);
      assert.match(error.message, says);
    });

  it('meets 29 February every four years', () => {
    assert.equal(iso(parseSchedule('0 0 29 2 *', 'Etc/UTC').nextAfter(at('2026-01-01'))), '2028-02-29T00:00:00.000Z');
  });
});

describe('an interval', () => {
  for (const [every, cron] of Object.entries(everyToCron))
    it(`${every} has no gap over the hour and the day`, () => {
      parseCron(cron);
      const schedule = parseSchedule(cron, 'Etc/UTC');
      const minutes = Number.parseInt(every, 10) * (every.endsWith('h') ? 60 : 1);
      let time = at('2026-01-01T00:00:00Z') - 1;
      const times = Array.from({ length: Math.ceil(1440 / minutes) + 2 }, () => {
        time = schedule.nextAfter(time) ?? Number.NaN;
        return time;
      });
      assert.equal(iso(times[0]), '2026-01-01T00:00:00.000Z');
      assert.deepEqual([...new Set(times.slice(1).map((each, index) => each - (times[index] ?? 0)))], [minutes * 60_000]);
    });
});
