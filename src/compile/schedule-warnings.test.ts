import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../test/support/agent.ts';
import { agentSchedule } from '../../test/support/schedule.ts';
import { scheduleWarnings } from './schedule-warnings.ts';

const NOW = Date.parse('2026-01-15T00:00:00Z');
const berlin = { timeZone: 'Europe/Berlin' };

const cases: readonly (readonly [name: string, spec: Readonly<Record<string, unknown>>, says: RegExp | undefined])[] = [
  [
    'a time that is skipped in spring',
    { schedule: '30 2 * * *', ...berlin },
    /^spec\.schedule: on 2026-03-29 the clocks of Europe\/Berlin skip 02:30, and nothing runs then: /,
  ],
  ['the first minute that is skipped', { schedule: '0 2 * * *', ...berlin }, /2026-03-29 .* skip 02:00/],
  ['the first minute after', { schedule: '0 3 * * *', ...berlin }, undefined],
  ['the last minute before', { schedule: '59 1 * * *', ...berlin }, undefined],
  [
    'a time that comes twice in autumn alone',
    { schedule: '15 2 25 10 *', ...berlin },
    /2026-10-25 .* show twice 02:15, and it runs twice then/,
  ],
  ['the same on a weekday that is none of those', { schedule: '30 2 * * 1-5', ...berlin }, undefined],
  [
    'midnight, where that is skipped',
    { every: '24h', timeZone: 'Africa/Cairo' },
    /^spec\.every: on 2026-04-24 the clocks of Africa\/Cairo skip 00:00/,
  ],
  ['half an hour', { schedule: '10 2 * * *', timeZone: 'Australia/Lord_Howe' }, /Lord_Howe skip 02:10/],
  ['each hour', { every: '1h', ...berlin }, undefined],
  ['every second hour', { every: '2h', ...berlin }, undefined],
  ['a zone without daylight saving', { schedule: '30 2 * * *', timeZone: 'Asia/Kolkata' }, undefined],
  ['UTC', { schedule: '30 2 * * *' }, undefined],
  ['@every of seconds', { schedule: '@every 20s' }, /^spec\.schedule: CronJobs begin at most one Job a minute/],
  ['@every of a minute', { schedule: '@every 1m', ...berlin }, undefined],
  [
    'a deadline shorter than a run',
    { every: '1h', activeDeadlineSeconds: 299 },
    /^spec\.activeDeadlineSeconds: the Job gives up after 299 s, .* runTimeoutSeconds is 300/,
  ],
  ['a deadline as long as a run', { every: '1h', activeDeadlineSeconds: 300 }, undefined],
];

for (const [name, spec, says] of cases)
  test(`${name} ${says === undefined ? 'is no cause for a warning' : 'is warned of'}`, () => {
    const warnings = scheduleWarnings(agentSchedule({ spec }), eventAgent(), NOW).map(({ path, message }) => `${path}: ${message}`);
    assert.equal(warnings.length, says === undefined ? 0 : 1, warnings.join('\n'));
    if (says !== undefined) assert.match(warnings[0] ?? '', says);
  });

test('a deadline is not compared where the agent is not known', () => {
  assert.deepEqual(scheduleWarnings(agentSchedule({ spec: { every: '1h', activeDeadlineSeconds: 30 } }), undefined, NOW), []);
});
