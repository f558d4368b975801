import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualEventId, slotEventId, slotJobName, slotOf } from './slot.ts';

const SLOT = Date.parse('2026-01-02T07:00:00Z');
const minutes = SLOT / 60_000;
const HOUR_MS = 3_600_000;

const cases: readonly (readonly [name: string, job: string, now: number, slot: number | undefined])[] = [
  ["the CronJob's own Job, as it begins", `briefing-tick-${minutes}`, SLOT + 2000, SLOT],
  ['the same, by a clock that is a little behind', `briefing-tick-${minutes}`, SLOT - 5000, SLOT],
  ['the same, at the end of the longest wait', `briefing-tick-${minutes}`, SLOT + 8 * 24 * HOUR_MS, SLOT],
  ['a Job by hand', 'by-hand', SLOT, undefined],
  ['a Job by hand with a number', 'briefing-tick-1', SLOT, undefined],
  ['a Job by hand with a date', 'briefing-tick-20260102', SLOT, undefined],
  ['a Job by hand with the number of another one and a word', `briefing-tick-${minutes}-again`, SLOT, undefined],
  ['a Job of another CronJob', `other-tick-${minutes}`, SLOT, undefined],
  ['a Job of a CronJob whose name begins alike', `briefing-tick-2-${minutes}`, SLOT, undefined],
  ['no number at all', 'briefing-tick-', SLOT, undefined],
  ['the name of the CronJob', 'briefing-tick', SLOT, undefined],
  ['a number too large', `briefing-tick-${'9'.repeat(30)}`, SLOT, undefined],
  ['a sign', 'briefing-tick-+1', 60_000, undefined],
];

for (const [name, job, now, slot] of cases) test(`the slot of ${name}`, () => assert.equal(slotOf(job, 'briefing-tick', now), slot));

test("a CronJob's Job is named after the minute of its slot, and so is the event", () => {
  assert.equal(slotJobName('briefing-tick', SLOT + 59_999), `briefing-tick-${minutes}`);
  assert.equal(slotEventId('uid', SLOT + 59_999), `uid-${minutes}`);
});

test('the event of a Job by hand can be no event of a slot, nor of another Job', () => {
  assert.equal(manualEventId('uid', 'job'), 'uid-manual-job');
  assert.notEqual(manualEventId('uid', 'job-1'), manualEventId('uid', 'job-2'));
});
