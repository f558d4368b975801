import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../test/support/agent.ts';
import { agentSchedule } from '../../test/support/schedule.ts';
import { parseTickConfiguration } from '../api/tick-configuration.ts';
import { InputError } from '../lib/errors.ts';
import { compileSchedule, scheduleProblems } from './schedule.ts';

test('a schedule and its agent become what a tick has to know', () => {
  const schedule = agentSchedule({
    name: 'figures',
    agent: 'checker',
    spec: { every: '1h', timeZone: 'Europe/Berlin', input: { report: 'sales', limits: [1, null] } },
  });
  const agent = eventAgent({ name: 'checker', idempotency: { key: 'event.data.x', retentionSeconds: 90_000 } });
  const compiled = compileSchedule(schedule, agent, { uid: 'uid-1', prefix: 'other' });
  assert.deepEqual(compiled, {
    schedule: { namespace: 'test', name: 'figures', uid: 'uid-1' },
    cronJob: 'figures-tick',
    agent: { namespace: 'test', name: 'checker' },
    prefix: 'other',
    cron: '0 * * * *',
    timeZone: 'Europe/Berlin',
    input: { report: 'sales', limits: [1, null] },
    retentionMs: 90_000_000,
  });
  assert.deepEqual(parseTickConfiguration(JSON.stringify(compiled)), compiled);
});

test('without an input the agent gets an empty object, without a time zone the schedule is in UTC', () => {
  const { input, timeZone, cron, prefix } = compileSchedule(agentSchedule(), eventAgent(), { uid: 'u' });
  assert.deepEqual({ input, timeZone, cron, prefix }, { input: {}, timeZone: 'Etc/UTC', cron: '0 7 * * *', prefix: 'ea' });
});

test('a configuration that is none is refused with the path of what is wrong', () => {
  const good = compileSchedule(agentSchedule(), eventAgent(), { uid: 'u' });
  for (const [change, path] of [
    [{ input: [] }, 'input'],
    [{ input: null }, 'input'],
    [{ schedule: { namespace: 'a', name: 'b' } }, 'schedule.uid'],
    [{ retentionMs: -1 }, 'retentionMs'],
    [{ cron: '' }, 'cron'],
    [{ more: 1 }, 'more'],
  ] as const)
    assert.throws(
      () => parseTickConfiguration(JSON.stringify({ ...good, ...change })),
      (error) => error instanceof InputError && error.path === path,
      path,
    );
});

for (const [name, spec, path, says] of [
  ['a schedule that does not parse', { schedule: '0 7 * * 8' }, 'spec.schedule', /day of week: 8/],
  ['a schedule that never happens', { schedule: '0 0 31 2 *' }, 'spec.schedule', /never happens/],
  ['a time zone that is none', { timeZone: 'Europe/Barlin' }, 'spec.timeZone', /no time zone Europe\/Barlin/],
  ['an interval in a time zone that is none', { every: '5m', timeZone: 'utc' }, 'spec.timeZone', /no time zone utc/],
  [
    'input where the review goes',
    { input: { deadLetters: 1 }, deadLetterReview: { agents: ['a'] } },
    'spec.input.deadLetters',
    /spec\.deadLetterReview puts its report there/,
  ],
  ['too much input', { input: { text: 'ä'.repeat(40_000) } }, 'spec.input', /80011 bytes of JSON, and 65536 are allowed/],
] as const)
  test(`${name} is a problem that the API server does not see`, () => {
    const problems = scheduleProblems(agentSchedule({ spec }));
    assert.deepEqual(
      problems.map((problem) => problem.path),
      [path],
    );
    assert.match(problems[0]?.message ?? '', says);
  });

test('a schedule that can be met has no problem', () => {
  for (const spec of [
    {},
    { every: '30m' },
    { schedule: '@every 90m' },
    { schedule: '0 0 29 2 *', timeZone: 'America/Argentina/Buenos_Aires' },
  ])
    assert.deepEqual(scheduleProblems(agentSchedule({ spec })), []);
});
