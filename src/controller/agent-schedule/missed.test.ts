import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Count, countMissed, type Due } from './missed.ts';
import { runsOf } from './runs.ts';

const MINUTE = 60_000;
const at = (minutes: number) => minutes * MINUTE;
/** Due every five minutes. */
const next = (after: number) => (Math.floor(after / at(5)) + 1) * at(5);
/** A Job of a slot, made two seconds after it. */
const run = (minutes: number, outcome?: 'done' | 'skipped' | 'dead') => ({
  job: `j-${minutes}`,
  slot: at(minutes),
  createdAt: at(minutes) + 2000,
  ...(outcome === undefined ? {} : { end: { outcome, finishedAt: '' } }),
});
const due = (change: Partial<Due>): Due => ({
  before: { missed: 0, through: 0 },
  next,
  runs: [],
  history: { successful: 3, failed: 1 },
  lastScheduled: undefined,
  startingDeadlineMs: at(1),
  halted: false,
  now: at(12),
  ...change,
});

test('a run that was due and has no Job in time is missed; one that may still begin is not', () => {
  assert.deepEqual(countMissed(due({ runs: [run(5, 'done')] })), { missed: 1, through: at(10), last: 'not-started' });
  assert.deepEqual(countMissed(due({ runs: [run(5, 'done')], now: at(10.5) })), { missed: 0, through: at(5), last: 'begun' });
  assert.deepEqual(countMissed(due({ runs: [run(5, 'done')], startingDeadlineMs: at(3) })), { missed: 0, through: at(5), last: 'begun' });
});

test('a run whose tick began none counts as missed, and says why', () => {
  assert.deepEqual(countMissed(due({ runs: [run(5), run(10, 'skipped')] })), { missed: 1, through: at(10), last: 'skipped' });
});

test('a Job that ended is counted at once; one that is young may still skip its run', () => {
  assert.deepEqual(countMissed(due({ runs: [run(5, 'done')], now: at(5.1) })), { missed: 0, through: at(5), last: 'begun' });
  assert.deepEqual(countMissed(due({ runs: [run(5)], now: at(5.9) })), { missed: 0, through: 0 });
  assert.deepEqual(countMissed(due({ runs: [run(5)], now: at(6.1) })), { missed: 0, through: at(5), last: 'begun' });
});

test('runs that went well are not missed when their Jobs are pruned before the deadline of their start is over', () => {
  // Every minute, ten minutes to start, three Jobs kept: looked at as each Job ends, and once in a while.
  const everyMinute = (after: number) => (Math.floor(after / MINUTE) + 1) * MINUTE;
  for (const step of [1, 7]) {
    let count: Count = { missed: 0, through: 0 };
    for (let now = step; now <= 60; now += step) {
      const runs = [now - 2, now - 1, now].filter((minute) => minute > 0).map((minute) => run(minute, 'done'));
      count = countMissed(
        due({ before: count, next: everyMinute, runs, lastScheduled: at(now), startingDeadlineMs: at(10), now: at(now + 0.5) }),
      );
    }
    assert.equal(count.missed, 0, `each ${step} minutes`);
  }
});

test('where no Job of a good run is kept, the CronJob says that it has begun, whatever failed Job is kept', () => {
  const history = { successful: 0, failed: 1 };
  assert.deepEqual(countMissed(due({ history, lastScheduled: at(10) })), { missed: 0, through: at(10), last: 'begun' });
  const seen = countMissed(due({ history, runs: [run(5, 'dead')], lastScheduled: at(15), now: at(15.5) }));
  assert.deepEqual(seen, { missed: 0, through: at(15), last: 'begun' });
});

test('a Job that is missing among its neighbours was never made', () => {
  const seen = countMissed(
    due({ runs: [run(5, 'done'), run(15, 'done')], lastScheduled: at(15), startingDeadlineMs: at(60), now: at(15.5) }),
  );
  assert.deepEqual(seen, { missed: 1, through: at(15), last: 'begun' });
});

test('a Job that is gone already is known by the CronJob', () => {
  assert.deepEqual(countMissed(due({ runs: [run(5)], lastScheduled: at(10) })), { missed: 0, through: at(10), last: 'begun' });
});

test('times with seconds meet the Jobs of their minutes', () => {
  const withSeconds = (after: number) => (after < at(5) + 37_000 ? at(5) + 37_000 : at(60));
  const seen = countMissed(due({ next: withSeconds, runs: [run(5, 'done')], lastScheduled: at(5) + 37_000 }));
  assert.deepEqual(seen, { missed: 0, through: at(5) + 37_000, last: 'begun' });
});

test('what was counted is not counted again', () => {
  const once = countMissed(due({}));
  assert.deepEqual(countMissed(due({ before: once })), once);
  assert.equal(once.missed, 2);
});

test('while nothing can begin, nothing is counted', () => {
  assert.deepEqual(countMissed(due({ halted: true })), { missed: 0, through: 0 });
});

const job = (minutes: number, type: 'Complete' | 'Failed', reason?: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: `s-tick-${minutes}`, uid: `u${minutes}`, creationTimestamp: new Date(at(minutes)).toISOString() },
  status: {
    conditions: [{ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', ...(reason === undefined ? {} : { reason }) }],
  },
});
const pod = (of: string, message: string, creationTimestamp = '2026-01-01T00:00:00Z') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p-${of}`, creationTimestamp, ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: of, uid: of }] },
  status: { containerStatuses: [{ state: { terminated: { message } } }] },
});

test('a run ends as its tick said, else as its Job did; the latest comes first', () => {
  const jobs = [
    job(29_812_345, 'Complete'),
    job(29_812_350, 'Failed', 'PodFailurePolicy'),
    job(29_812_355, 'Failed', 'DeadlineExceeded'),
    job(29_812_360, 'Complete'),
  ];
  const pods = [pod('u29812345', '{"outcome":"filtered","slot":"x"}'), pod('u29812350', '{"outcome":"dead","reason":"FilterError"}')];
  const seen = runsOf(jobs, pods, 's-tick').map(({ end }) => [end?.outcome, end?.reason]);
  assert.deepEqual(seen, [
    ['done', undefined],
    ['deadline', 'DeadlineExceeded'],
    ['dead', 'FilterError'],
    ['filtered', undefined],
  ]);
});

test('a run ends as its last pod said, whatever order they are listed in, and a good one not by what an earlier pod said', () => {
  const [complete, failed] = [job(29_812_345, 'Complete'), job(29_812_345, 'Failed', 'PodFailurePolicy')];
  const first = pod('u29812345', '{"reason":"StoreUnreachable"}', '2026-01-01T00:00:00Z');
  const second = (outcome: string) => pod('u29812345', JSON.stringify({ outcome }), '2026-01-01T00:01:00Z');
  const ends = (of: typeof complete, ...pods: readonly ReturnType<typeof pod>[]) => runsOf([of], pods, 's-tick')[0]?.end?.outcome;
  assert.equal(ends(complete, second('filtered'), first), 'filtered');
  assert.equal(ends(complete, first, second('filtered')), 'filtered');
  assert.equal(ends(complete, first), 'done', 'its second pod is not known yet');
  assert.equal(ends(failed, second('dead'), first), 'dead');
});

test("a Job's time is that of its name, however long it is kept; one with a date in its name was made by hand", () => {
  const old = job(29_812_345, 'Complete');
  const byHand = { ...old, metadata: { ...old.metadata, name: 's-tick-20260906' } };
  const slots = runsOf([old, byHand], [], 's-tick').map(({ slot }) => slot);
  assert.deepEqual(slots, [at(29_812_345), undefined]);
});
