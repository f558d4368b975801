import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad, good, unknown } from '../verdict.ts';
import { isWorthWriting, type StatusParts, statusFor } from './status.ts';

const fine = {
  Accepted: good('Accepted', 'the spec is in force'),
  BrokerReachable: good('Reachable', 'the management API answers'),
  TopologyReady: good('Declared', 'all there'),
  GatewayReady: good('NoWebhooks', 'none'),
  RunnerAvailable: good('Available', '1 of 1'),
};

const parts = (change: Partial<StatusParts> = {}): StatusParts => ({
  generation: 3,
  verdicts: fine,
  model: good('ModelAnswers', 'calls are made'),
  budget: bad('NoBudget', 'none'),
  alike: bad('NoSameFailure', 'none'),
  fanOut: bad('NoEventTypes', 'none'),
  costToday: undefined,
  suspended: 'no',
  depths: { queued: 4, deadLetters: 0 },
  replicas: 1,
  selector: 'a=b',
  routes: [],
  configuration: undefined,
  ...change,
});

const ready = (change: Partial<StatusParts>) =>
  statusFor(parts(change), undefined, '2026-01-01T00:00:00Z').conditions?.find(({ type }) => type === 'Ready');

test('Ready has the reason of the first part that does not hold; what is bad comes before what nobody knows', () => {
  assert.deepEqual([ready({})?.status, ready({})?.reason], ['True', 'Ready']);
  const missing = bad('SecretMissing', 'pod p waits for Secret s');
  const notKnown = unknown('NotObserved', 'not listed yet');
  const cases = [
    [{ ...fine, RunnerAvailable: missing }, 'False', 'SecretMissing'],
    [{ ...fine, TopologyReady: notKnown, RunnerAvailable: missing }, 'False', 'SecretMissing'],
    [{ ...fine, TopologyReady: notKnown }, 'Unknown', 'NotObserved'],
    [{ ...fine, Accepted: bad('Invalid', 'spec.filter: no'), RunnerAvailable: missing }, 'False', 'Invalid'],
  ] as const;
  for (const [verdicts, status, reason] of cases)
    assert.deepEqual([ready({ verdicts })?.status, ready({ verdicts })?.reason], [status, reason]);
  assert.equal(ready({ verdicts: { ...fine, RunnerAvailable: missing } })?.message, 'RunnerAvailable: pod p waits for Secret s');
});

test('a suspended agent is ready, and says that it is suspended', () => {
  assert.deepEqual([ready({ suspended: 'yes' })?.status, ready({ suspended: 'yes' })?.reason], ['True', 'Suspended']);
  assert.deepEqual([ready({ suspended: 'not yet' })?.status, ready({ suspended: 'not yet' })?.reason], ['True', 'Ready']);
});

test('every condition carries the generation that it speaks of', () => {
  const status = statusFor(parts(), undefined, '2026-01-01T00:00:00Z');
  assert.equal(status.observedGeneration, 3);
  assert.deepEqual(new Set(status.conditions?.map(({ observedGeneration }) => observedGeneration)), new Set([3]));
});

test('the time of a condition is that of the last change of its status, not of its message', () => {
  const before = statusFor(
    parts({ verdicts: { ...fine, RunnerAvailable: bad('RollingOut', '0 of 1') } }),
    undefined,
    '2026-01-01T00:00:00Z',
  );
  const later = statusFor(
    parts({ verdicts: { ...fine, RunnerAvailable: bad('CrashLooping', 'it ended') } }),
    before,
    '2026-01-01T00:05:00Z',
  );
  const time = (status: typeof before) => status.conditions?.find(({ type }) => type === 'RunnerAvailable')?.lastTransitionTime;
  assert.equal(time(later), '2026-01-01T00:00:00Z');
  assert.equal(time(statusFor(parts(), later, '2026-01-01T00:06:00Z')), '2026-01-01T00:06:00Z');
});

test('numbers that are not known are left out, and a condition says so', () => {
  const status = statusFor(parts({ depths: undefined, replicas: undefined }), undefined, '2026-01-01T00:00:00Z');
  assert.ok(!('queued' in status) && !('deadLetters' in status) && !('replicas' in status));
  assert.equal(status.conditions?.find(({ type }) => type === 'DeadLettersPresent')?.status, 'Unknown');
});

test('dead letters are a condition beside Ready', () => {
  const status = statusFor(parts({ depths: { queued: 0, deadLetters: 2 } }), undefined, '2026-01-01T00:00:00Z');
  const of = (type: string) => status.conditions?.find((condition) => condition.type === type);
  assert.deepEqual([of('DeadLettersPresent')?.status, of('Ready')?.status], ['True', 'True']);
});

test('numbers are written at once between zero, some and unknown, else once a minute and by a tenth', () => {
  const cases = [
    [0, 1, 0, true],
    [1, 0, 0, true],
    [undefined, 0, 0, true],
    [5, undefined, 0, true],
    [5, 5, 1e9, false],
    [100, 105, 1e9, false],
    [100, 111, 59_000, false],
    [100, 111, 60_000, true],
    [100, 80, 60_000, true],
  ] as const;
  for (const [before, now, sinceMs, expected] of cases)
    assert.equal(isWorthWriting(before, now, sinceMs), expected, `${before} -> ${now} after ${sinceMs}`);
});
