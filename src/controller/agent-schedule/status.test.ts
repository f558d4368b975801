import assert from 'node:assert/strict';
import { test } from 'node:test';
import { good } from '../verdict.ts';
import type { Run } from './runs.ts';
import { type ScheduleStatusParts, scheduleStatusFor } from './status.ts';

const fine = { Accepted: good('Accepted', ''), AgentResolved: good('Resolved', ''), CronJobReady: good('CronJobCurrent', '') };
const parts = (change: Partial<ScheduleStatusParts>): ScheduleStatusParts => ({
  generation: 1,
  verdicts: fine,
  suspended: false,
  cronJob: 's-tick',
  lastScheduleTime: undefined,
  runs: [],
  count: { missed: 0, through: 0 },
  nextAt: Date.UTC(2026, 0, 2),
  ...change,
});
const statusOf = (change: Partial<ScheduleStatusParts>, before?: ReturnType<typeof scheduleStatusFor>) =>
  scheduleStatusFor(parts(change), before, '2026-01-01T00:00:00Z');
const condition = (status: ReturnType<typeof scheduleStatusFor>, type: string) => {
  const found = status.conditions?.find((one) => one.type === type);
  return `${found?.status}/${found?.reason}`;
};
const run = (slot: number | undefined, finishedAt: string, outcome: NonNullable<Run['end']>['outcome'], reason?: string): Run => ({
  job: `j${slot}`,
  slot,
  createdAt: slot ?? 0,
  end: { outcome, finishedAt, ...(reason === undefined ? {} : { reason }) },
});

test('the last run is the one that ended last, also one that was started by hand; a skipped one is none', () => {
  const runs = [
    run(Date.UTC(2026, 0, 1, 8), '2026-01-01T08:30:00Z', 'skipped'),
    run(Date.UTC(2026, 0, 1, 7), '2026-01-01T07:01:00Z', 'done'),
    run(undefined, '2026-01-01T07:40:00Z', 'dead', 'FilterError'),
  ];
  const status = statusOf({ runs });
  assert.deepEqual(status.lastRun, { outcome: 'dead', reason: 'FilterError', finishedAt: '2026-01-01T07:40:00Z' });
  assert.equal(condition(status, 'LastRunSucceeded'), 'False/RunFailed');
});

test('what the last run was is kept when its Job is gone', () => {
  const before = statusOf({ runs: [run(Date.UTC(2026, 0, 1, 7), '2026-01-01T07:01:00Z', 'filtered')] });
  const after = statusOf({}, before);
  assert.deepEqual(after.lastRun, { slot: '2026-01-01T07:00:00Z', outcome: 'filtered', finishedAt: '2026-01-01T07:01:00Z' });
  assert.equal(condition(after, 'LastRunSucceeded'), 'True/RunSucceeded');
});

test('the last run never goes back to an older one whose Job is still kept', () => {
  const older = run(Date.UTC(2026, 0, 1, 6), '2026-01-01T06:01:00Z', 'dead', 'FilterError');
  const before = statusOf({ runs: [older, run(Date.UTC(2026, 0, 1, 7), '2026-01-01T07:01:00Z', 'done')] });
  const after = statusOf({ runs: [older] }, before);
  assert.deepEqual(after.lastRun, before.lastRun);
  assert.equal(condition(after, 'LastRunSucceeded'), 'True/RunSucceeded');
});

test('each way to fail has its reason', () => {
  const cases = [
    ['expired', undefined, 'False/RunExpired'],
    ['deadline', 'DeadlineExceeded', 'False/RunDeadlineExceeded'],
    ['failed', 'BrokerLoginRefused', 'False/BrokerLoginRefused'],
    ['failed', 'BackoffLimitExceeded', 'False/RunFailed'],
    ['stale', undefined, 'True/RunSucceeded'],
  ] as const;
  for (const [outcome, reason, expected] of cases) {
    assert.equal(condition(statusOf({ runs: [run(0, '2026-01-01T07:01:00Z', outcome, reason)] }), 'LastRunSucceeded'), expected);
  }
});

test('a missed run is said until another one has begun', () => {
  const missed = statusOf({ count: { missed: 1, through: 0, last: 'not-started' } });
  assert.equal(condition(missed, 'MissedRuns'), 'True/StartMissed');
  const still = statusOf({ count: { missed: 1, through: 0 } }, missed);
  assert.equal(condition(still, 'MissedRuns'), 'True/StartMissed');
  const begun = statusOf({ count: { missed: 1, through: 0, last: 'begun' } }, still);
  assert.equal(condition(begun, 'MissedRuns'), 'False/NoneMissed');
  assert.equal(condition(statusOf({ count: { missed: 2, through: 0, last: 'skipped' } }), 'MissedRuns'), 'True/PreviousRunUnfinished');
});

test('a suspended schedule has no next time', () => {
  assert.equal(statusOf({}).nextScheduleTime, '2026-01-02T00:00:00Z');
  assert.equal(statusOf({ suspended: true }).nextScheduleTime, undefined);
});
