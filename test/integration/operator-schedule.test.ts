import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AgentScheduleStatus } from '../../src/api/generated/agent-schedule.ts';
import { eventually } from '../support/eventually.ts';
import { endJobPod } from '../support/job-pod.ts';
import { type OperatorStage, onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

const schedule = (name: string, spec: Readonly<Record<string, unknown>>) => ({
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'AgentSchedule',
  metadata: { name },
  spec: { agentRef: { name: 'a' }, ...spec },
});

async function statusOf({ own }: OperatorStage, name: string): Promise<AgentScheduleStatus | undefined> {
  return (JSON.parse(await own.kubectl('get', 'agentschedule', name, '--output=json')) as { readonly status?: AgentScheduleStatus }).status;
}

async function condition(stage: OperatorStage, name: string, type: string, status: string, reason: string): Promise<string> {
  let seen = 'nothing';
  const found = await eventually(
    `${name}: ${type}=${status}/${reason}`,
    async () => {
      const is = (await statusOf(stage, name))?.conditions?.find((one) => one.type === type);
      seen = JSON.stringify(is);
      return is?.status === status && is.reason === reason ? is : undefined;
    },
    30_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; last seen: ${seen}`);
  });
  return found.message;
}

suite('the operator and its schedules', { concurrency: 4 }, () => {
  test('a schedule becomes a CronJob that forbids overlap, and its runs are told as their ticks ended', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start, playKubelet } = stage;
      await start();
      await own.apply(
        operatorAgent('a', { replicas: 0 }),
        schedule('daily', { schedule: '0 7 * * 1-5', timeZone: 'Europe/Berlin', input: { what: 'news' } }),
      );
      await own.kubectl('wait', '--for=condition=Ready', 'agentschedule/daily', '--timeout=40s');
      const cronJob = JSON.parse(await own.kubectl('get', 'cronjob', 'daily-tick', '--output=json')) as {
        readonly spec: Readonly<Record<string, unknown>>;
      };
      const { schedule: cron, timeZone, concurrencyPolicy, startingDeadlineSeconds, suspend } = cronJob.spec;
      assert.deepEqual(
        [cron, timeZone, concurrencyPolicy, startingDeadlineSeconds, suspend],
        ['0 7 * * 1-5', 'Europe/Berlin', 'Forbid', 60, false],
      );
      const [header = '', row = ''] = (await own.kubectl('get', 'asched')).split('\n');
      assert.deepEqual(
        header.split(/\s{2,}/).map((name) => name.trim()),
        ['NAME', 'AGENT', 'SCHEDULE', 'TIMEZONE', 'SUSPEND', 'LAST RUN', 'NEXT RUN', 'READY', 'AGE'],
      );
      assert.match(row, /^daily\s+a\s+0 7 \* \* 1-5\s+Europe\/Berlin\s+false\s+\d{4}-\d\d-\d\dT0[56]:00:00Z\s+True/);
      await condition(stage, 'daily', 'LastRunSucceeded', 'Unknown', 'NoRunYet');

      await own.kubectl('create', 'job', 'by-hand', '--from=cronjob/daily-tick');
      await endJobPod(stage, 'tick', 'by-hand', 0, { outcome: 'done' });
      await condition(stage, 'daily', 'LastRunSucceeded', 'True', 'RunSucceeded');
      assert.equal((await statusOf(stage, 'daily'))?.lastRun?.slot, undefined);

      await own.kubectl('create', 'job', 'second', '--from=cronjob/daily-tick');
      await endJobPod(stage, 'tick', 'second', 10, { outcome: 'dead', reason: 'FilterError' });
      await own.kubectl('wait', '--for=condition=Failed', 'job/second', '--timeout=20s');
      assert.match(await condition(stage, 'daily', 'LastRunSucceeded', 'False', 'RunFailed'), /as dead: FilterError/);

      await own.kubectl('patch', 'asched', 'daily', '--type=merge', '--patch={"spec":{"suspend":true}}');
      await condition(stage, 'daily', 'Suspended', 'True', 'Suspended');
      assert.equal(await own.kubectl('get', 'cronjob', 'daily-tick', '--output=jsonpath={.spec.suspend}'), 'true');
      await own.kubectl('delete', 'asched', 'daily');
      // The garbage collector looks for new kinds, such as ours in this cluster, each half minute.
      const isGone = async () => !(await own.kubectl('get', 'cronjobs', '--output=name')).includes('daily');
      await eventually('the CronJob goes along', isGone, 60_000);
      playKubelet();
    });
  });

  test('a schedule whose agent is missing, or which never happens, says so and begins nothing', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(
        schedule('early', { every: '15m' }),
        schedule('never', { schedule: '0 0 30 2 *' }),
        schedule('nowhere', { every: '1h', timeZone: 'Europe/Nowhere' }),
      );
      assert.match(await condition(stage, 'early', 'AgentResolved', 'False', 'AgentMissing'), /there is no EventAgent a/);
      assert.match(await condition(stage, 'never', 'Accepted', 'False', 'Invalid'), /^spec\.schedule: /);
      assert.match(await condition(stage, 'nowhere', 'Accepted', 'False', 'Invalid'), /^spec\.timeZone: /);
      assert.equal((await own.kubectl('get', 'cronjobs', '--output=name')).trim(), '');
      await own.apply(operatorAgent('a', { replicas: 0 }));
      await condition(stage, 'early', 'Ready', 'True', 'Ready');
      assert.equal(await own.kubectl('get', 'cronjob', 'early-tick', '--output=jsonpath={.spec.schedule}'), '*/15 * * * *');
      await own.kubectl('delete', 'ea', 'a', '--wait=false');
      await condition(stage, 'early', 'AgentResolved', 'False', 'AgentMissing');
      await eventually(
        'nothing begins while the agent is away',
        async () => (await own.kubectl('get', 'cronjob', 'early-tick', '--output=jsonpath={.spec.suspend}')) === 'true',
      );
    });
  });

  test('a run that skips since the one before is under way counts as missed, by its reason', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(operatorAgent('a', { replicas: 0 }), schedule('often', { every: '1m', startingDeadlineSeconds: 10 }));
      const job = await eventually(
        'a job of the CronJob',
        async () => (await own.kubectl('get', 'jobs', '--output=jsonpath={.items[0].metadata.name}').catch(() => '')) || undefined,
        80_000,
      );
      await endJobPod(stage, 'tick', job, 12, { outcome: 'skipped', reason: 'PreviousRunUnfinished' });
      const status = await eventually(
        'it is counted, as soon as its Job has ended',
        async () => {
          const seen = await statusOf(stage, 'often');
          return (seen?.missedRuns ?? 0) >= 1 ? seen : undefined;
        },
        50_000,
      );
      const missed = status.conditions?.find(({ type }) => type === 'MissedRuns');
      assert.deepEqual([status.missedRuns, missed?.status, missed?.reason], [1, 'True', 'PreviousRunUnfinished'], JSON.stringify(status));
    });
  });

  test('@every begins its runs though its deadline is shorter than its delay, when the status says', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(operatorAgent('a', { replicas: 0 }), schedule('delayed', { schedule: '@every 25s', startingDeadlineSeconds: 10 }));
      await condition(stage, 'delayed', 'Ready', 'True', 'Ready');
      const created = await own.kubectl('get', 'cronjob', 'delayed-tick', '--output=jsonpath={.metadata.creationTimestamp}');
      const periods = (time = '') => (Date.parse(time) - Date.parse(created)) / 25_000;
      const told = periods((await statusOf(stage, 'delayed'))?.nextScheduleTime);
      const begun = periods(await eventually('a run begins', async () => (await statusOf(stage, 'delayed'))?.lastScheduleTime, 120_000));
      // The first of them, but on a machine that is too busy for it.
      assert.ok(Number.isInteger(told) && told >= 1 && Number.isInteger(begun) && begun >= told, `${told}, ${begun}`);
    });
  });
});
