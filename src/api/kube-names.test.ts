import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { configMapName, cronJobName, GATEWAY_NAME, runnerName } from './kube-names.ts';

const label = (most: number) => fc.stringMatching(new RegExp(`^[a-z0-9]([-a-z0-9]{0,${most - 2}}[a-z0-9])?$`));

test("every name is a DNS label, and a CronJob's leaves room for those of its Jobs", () => {
  fc.assert(
    fc.property(label(40), label(63), fc.string(), (agent, schedule, text) => {
      const names = [runnerName({ name: agent }), configMapName(runnerName({ name: agent }), text), configMapName(GATEWAY_NAME, text)];
      const cronJob = cronJobName(schedule);
      assert.ok(cronJob.length <= 52, cronJob);
      for (const name of [...names, cronJob, configMapName(cronJob, text)]) assert.match(name, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    }),
  );
});

test('two schedules have two CronJobs, however long their common beginning is', () => {
  const long = 'a'.repeat(60);
  assert.notEqual(cronJobName(`${long}-1`), cronJobName(`${long}-2`));
  fc.assert(
    fc.property(label(63), label(63), (one, other) => {
      assert.equal(cronJobName(one) === cronJobName(other), one === other);
    }),
  );
});

test('the name of a configuration is that of its content', () => {
  assert.equal(configMapName('a-runner', 'x'), configMapName('a-runner', 'x'));
  assert.notEqual(configMapName('a-runner', 'x'), configMapName('a-runner', 'y'));
});
