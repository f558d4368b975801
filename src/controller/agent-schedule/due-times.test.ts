import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchedule } from '../../schedule/schedule.ts';
import { dueAfter } from './due-times.ts';

const time = (text: string) => Date.parse(`2026-01-01T${text}Z`);
const cronJob = (lastScheduleTime?: string) => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 's-tick', creationTimestamp: '2026-01-01T07:00:17Z' },
  status: lastScheduleTime === undefined ? {} : { lastScheduleTime: `2026-01-01T${lastScheduleTime}Z` },
});
const every = parseSchedule('@every 10m', 'Etc/UTC');

test('@every counts from when the CronJob was made, and not from when somebody asks', () => {
  const next = dueAfter(every, cronJob());
  assert.equal(next(time('06:00:00')), time('07:10:17'));
  assert.equal(next(time('07:03:00')), time('07:10:17'));
  assert.equal(next(time('07:10:17')), time('07:20:17'));
});

test('once a run has begun @every counts from its time, forwards and back to when the CronJob was made', () => {
  const next = dueAfter(every, cronJob('07:31:00'));
  assert.equal(next(time('07:31:00')), time('07:41:00'));
  assert.equal(next(time('07:55:00')), time('08:01:00'));
  assert.equal(next(time('06:00:00')), time('07:01:00'));
});

test('without a CronJob @every is never due; the times of a cron expression are its own', () => {
  assert.equal(dueAfter(every, undefined)(time('07:00:00')), undefined);
  assert.equal(dueAfter(parseSchedule('*/10 * * * *', 'Etc/UTC'), undefined)(time('07:03:00')), time('07:10:00'));
});
