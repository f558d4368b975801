import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DeadLetterRedriveStatus } from '../../src/api/generated/dead-letter-redrive.ts';
import type { RedriveProgress } from '../../src/api/redrive-progress.ts';
import { eventually } from '../support/eventually.ts';
import { endJobPod } from '../support/job-pod.ts';
import { type OperatorStage, onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

const redrive = (name: string, spec: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: 'eventagent.dev/v1alpha1',
  kind: 'DeadLetterRedrive',
  metadata: { name },
  spec: { agentRef: { name: 'a' }, ...spec },
});

const ends = { succeeded: 6, discarded: 1, deadAgain: 1, underWay: 0 };
const counts = { depth: 10, redriven: 8, superseded: 1, copies: 0, withOpenIntents: 2, ends };

async function statusOf({ own }: OperatorStage, name: string): Promise<DeadLetterRedriveStatus | undefined> {
  const text = await own.kubectl('get', 'deadletterredrive', name, '--output=json');
  return (JSON.parse(text) as { readonly status?: DeadLetterRedriveStatus }).status;
}

/** Waits for a condition of a redrive; what it says then. */
async function condition(stage: OperatorStage, name: string, type: string, status: string, reason: string): Promise<string> {
  let seen = 'nothing';
  const found = await eventually(
    `${name}: ${type}=${status}/${reason}`,
    async () => {
      const all = (await statusOf(stage, name))?.conditions;
      seen = JSON.stringify(all);
      return all?.find((one) => one.type === type && one.status === status && one.reason === reason);
    },
    40_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; last seen: ${seen}`);
  });
  return found.message;
}

const jobOf = (stage: OperatorStage, name: string) => eventually('its Job', async () => (await statusOf(stage, name))?.job);

/** Has the pod of a redrive's Job end as its process would. */
async function end(stage: OperatorStage, name: string, exitCode: number, said: RedriveProgress | object): Promise<void> {
  await endJobPod(stage, 'redrive', await jobOf(stage, name), exitCode, said);
}

suite('the operator and redrives', { concurrency: 4 }, () => {
  test('a redrive becomes a Job, once, and its status tells what the Job has said', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(operatorAgent('a', { replicas: 0 }), redrive('again', { filter: { reason: 'OutputRejected' }, limit: 8 }));
      const job = await jobOf(stage, 'again');
      const { spec, metadata } = JSON.parse(await own.kubectl('get', 'job', job, '--output=json'));
      assert.deepEqual(
        metadata.ownerReferences.map(({ kind, name }: { kind: string; name: string }) => [kind, name]),
        [['DeadLetterRedrive', 'again']],
      );
      assert.deepEqual(spec.template.spec.containers[0].command, ['node', 'dist/redrive/start.js']);
      assert.equal(spec.template.spec.automountServiceAccountToken, false);
      await condition(stage, 'again', 'Running', 'Unknown', 'NotObserved');
      assert.equal((await statusOf(stage, 'again'))?.state, 'Waiting');
      await end(stage, 'again', 0, { counts, outcome: 'complete' });
      await own.kubectl('wait', '--for=condition=Complete', 'deadletterredrive/again', '--timeout=40s');
      const { conditions: _, startTime, completionTime, ...status } = (await statusOf(stage, 'again')) ?? {};
      assert.ok(startTime !== undefined && completionTime !== undefined);
      assert.deepEqual(status, {
        observedGeneration: 1,
        state: 'Complete',
        job,
        found: 10,
        redriven: 8,
        superseded: 1,
        copies: 0,
        left: 1,
        openIntents: 2,
        ...ends,
      });
      const [header = '', row = ''] = (await own.kubectl('get', 'dlr')).split('\n');
      assert.deepEqual(
        header.split(/\s{2,}/).map((name) => name.trim()),
        ['NAME', 'AGENT', 'DRY RUN', 'STATE', 'REDRIVEN', 'SUCCEEDED', 'DEAD AGAIN', 'LEFT', 'AGE'],
      );
      assert.match(row, /^again\s+a\s+false\s+Complete\s+8\s+6\s+1\s+1\s/);
      // What has ended is not begun again when its Job is gone.
      await own.kubectl('delete', 'job', job);
      await own.kubectl('annotate', 'deadletterredrive', 'again', 'touched=yes');
      await own.apply(redrive('later'));
      await jobOf(stage, 'later');
      assert.equal(await own.kubectl('get', 'job', job, '--ignore-not-found', '--output=name'), '');
    });
  });

  test('a redrive that stops, or whose pods fail for good, has failed and says why', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(operatorAgent('a', { replicas: 0 }), redrive('spoilt'), redrive('stuck'), redrive('unread'), redrive('broken'));
      await end(stage, 'spoilt', 10, { counts, outcome: 'failure-rate', message: '60% died again' });
      await end(stage, 'stuck', 11, { counts, outcome: 'no-progress', message: 'none has ended' });
      const unreadable = { events: 1, examples: ['7'] };
      await end(stage, 'unread', 12, { counts: { ...counts, unreadable }, outcome: 'records-unreadable', message: 'event 7' });
      await end(stage, 'broken', 2, { reason: 'BadConfiguration', message: 'host: missing' });
      assert.equal(await condition(stage, 'spoilt', 'Failed', 'True', 'FailureRateHigh'), '60% died again');
      assert.equal(await condition(stage, 'stuck', 'Failed', 'True', 'NoProgress'), 'none has ended');
      assert.equal(await condition(stage, 'unread', 'Failed', 'True', 'RecordsUnreadable'), 'event 7');
      assert.equal((await statusOf(stage, 'unread'))?.unreadable, 1);
      assert.match(await condition(stage, 'broken', 'Failed', 'True', 'JobFailed'), /host: missing/);
      const { state, left } = (await statusOf(stage, 'spoilt')) ?? {};
      assert.deepEqual([state, left], ['Failed', 1]);
    });
  });

  test('a pod that could not go on is followed by another, and its words are told meanwhile', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(operatorAgent('a', { replicas: 0 }), redrive('again'));
      await end(stage, 'again', 1, { reason: 'StoreUnreachable', message: 'the store does not answer' });
      assert.match(await condition(stage, 'again', 'Running', 'False', 'StoreUnreachable'), /the store does not answer/);
      // Its next pod needs the configuration, too.
      const configurations = () => own.kubectl('get', 'configmaps', '--selector=eventagent.dev/redrive=again', '--output=name');
      const name = (await configurations()).trim();
      assert.match(name, /^configmap\/again-redrive-/);
      await own.kubectl('delete', name);
      await eventually('the configuration is back', async () => (await configurations()).trim() === name);
      assert.equal((await statusOf(stage, 'again'))?.state, 'Waiting');
      await end(stage, 'again', 0, { counts, outcome: 'complete' });
      assert.match(await condition(stage, 'again', 'Complete', 'True', 'Redriven'), /redriven 8/);
      assert.equal((await statusOf(stage, 'again'))?.succeeded, 6);
    });
  });

  test('without its agent it waits; it begins when the agent comes', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(redrive('early'));
      assert.match(await condition(stage, 'early', 'AgentResolved', 'False', 'AgentMissing'), /there is no EventAgent a/);
      assert.equal((await statusOf(stage, 'early'))?.job, undefined);
      await own.apply(operatorAgent('a', { replicas: 0 }));
      await condition(stage, 'early', 'AgentResolved', 'True', 'Resolved');
      await jobOf(stage, 'early');
    });
  });

  test('a dry run says what it would cost; a time to live takes a redrive away with its Job', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start } = stage;
      await start();
      await own.apply(
        operatorAgent('a', { replicas: 0 }),
        redrive('look', { dryRun: true }),
        redrive('brief', { ttlSecondsAfterFinished: 0 }),
      );
      const { ends: _, ...dry } = counts;
      await end(stage, 'look', 0, { counts: dry, outcome: 'complete', estimatedCostNanoUsd: 1_230_000_000 });
      assert.match(
        await condition(stage, 'look', 'Complete', 'True', 'DryRun'),
        /^dry run, nothing was changed: of 10 messages would be redriven 8 \(2 of them with an output/,
      );
      assert.equal((await statusOf(stage, 'look'))?.estimatedCost, '1.23');
      const job = await jobOf(stage, 'brief');
      await end(stage, 'brief', 0, { counts, outcome: 'complete' });
      const gone = async (kind: string, name: string) =>
        (await own.kubectl('get', kind, name, '--ignore-not-found', '--output=name')) === '';
      await eventually('the redrive is gone', () => gone('deadletterredrive', 'brief'), 40_000);
      await eventually('its Job goes with it', () => gone('job', job), 60_000);
    });
  });
});
