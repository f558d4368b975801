import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { auditedWrites } from '../parts/kubernetes-audit.ts';
import { eventually } from '../support/eventually.ts';
import { onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

const sample = join(import.meta.dirname, '../../config/samples/pr-reviewer.yaml');

/** Nothing may be written while nothing happens: longer than it takes until each object is looked at again. */
const REST_MS = 62_000;

suite('the operator', { concurrency: 4 }, () => {
  test('an agent becomes topology, a configuration, a runner and a gateway, and its status says how far it has come', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition, queues, status }) => {
      const operator = await start();
      const text = (await readFile(sample, 'utf8')).replace(/namespace: platform/g, `namespace: ${own.namespace}`);
      await own.apply(...parseAllDocuments(text).map((document) => document.toJS() as object));
      await condition('pr-reviewer', 'Accepted', 'True', 'Accepted');
      await condition('pr-reviewer', 'TopologyReady', 'True', 'Declared');
      const work = `ea.${own.namespace}.pr-reviewer`;
      const wanted = [work, `${work}.dead`, `${work}.retry.10000`, `${work}.retry.300000`, `${work}.retry.60000`, `${work}.wait`];
      assert.deepEqual(new Set((await queues()).keys()), new Set(wanted));
      const objects = ['deployment.apps/pr-reviewer-runner', 'deployment.apps/eventagent-gateway', 'service/eventagent-gateway'];
      await eventually('the objects', async () => {
        const found = await own.kubectl('get', 'deployments,services,poddisruptionbudgets', '--output=name');
        return [...objects, 'poddisruptionbudget.policy/eventagent-gateway'].every((name) => found.includes(name));
      });
      const known = await eventually('numbers', async () => {
        const now = await status('pr-reviewer');
        return now?.queued === undefined ? undefined : now;
      });
      assert.deepEqual(known.webhooks, [{ trigger: 'github', path: '/pr-reviewer/github', service: 'eventagent-gateway', port: 80 }]);
      assert.deepEqual([known.queued, known.deadLetters], [0, 0]);
      await condition('pr-reviewer', 'Ready', 'False', 'RollingOut');
      operator.signal('SIGTERM');
      assert.equal(await operator.exit, 0, operator.stderr());
    });
  });

  test('Ready comes with the pods, is taken back by an edit until its pods are there, and at rest nothing is written', async (t) => {
    await onOperatorStage(t, async ({ cluster, own, start, condition, playKubelet, told, status, put }) => {
      await start();
      playKubelet();
      await own.apply(operatorAgent('a'));
      await own.kubectl('wait', '--for=condition=Ready', 'eventagent/a', '--timeout=60s');
      await put(`ea.${own.namespace}.a`);
      await put(`ea.${own.namespace}.a.dead`);
      await eventually('the numbers', async () => {
        const { queued, deadLetters } = (await status('a')) ?? {};
        return queued === 1 && deadLetters === 1;
      });
      const [header = '', row = ''] = (await own.kubectl('get', 'ea')).split('\n');
      assert.deepEqual(
        header.split(/\s{2,}/).map((name) => name.trim()),
        ['NAME', 'READY', 'REASON', 'REPLICAS', 'QUEUED', 'DEAD LETTERS', 'AGE'],
      );
      assert.deepEqual(row.split(/\s{2,}/).slice(0, 6), ['a', 'True', 'Ready', '1', '1', '1']);
      assert.match(await own.kubectl('get', 'eventagents', '--output=wide'), /MODEL[\s\S]*claude-sonnet-5-5/);

      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"agent":{"prompt":"Say it again."}}}');
      await own.kubectl('wait', '--for=condition=Ready', 'eventagent/a', '--timeout=60s');
      const configuration = await own.kubectl(
        'get',
        'pods',
        '--output=jsonpath={.items[*].metadata.annotations.eventagent\\.dev/configuration}',
      );
      const deployed = await own.kubectl(
        'get',
        'deployment',
        'a-runner',
        '--output=jsonpath={.spec.template.metadata.annotations.eventagent\\.dev/configuration}',
      );
      assert.equal(configuration, deployed, 'pods of the new configuration alone');
      assert.equal(
        (await own.kubectl('get', 'configmaps', '--selector=eventagent.dev/agent=a', '--output=name')).trim().split('\n').length,
        2,
      );

      await own.apply({
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'a' },
        spec: { scaleTargetRef: { apiVersion: 'eventagent.dev/v1alpha1', kind: 'EventAgent', name: 'a' }, minReplicas: 1, maxReplicas: 3 },
      });
      const able = '--output=jsonpath={.status.conditions[?(@.type=="AbleToScale")].reason}';
      await eventually(
        'an autoscaler can read and write how many there are',
        async () => (await own.kubectl('get', 'hpa', 'a', able)) === 'SucceededGetScale',
        60_000,
      );
      await own.kubectl('delete', 'hpa', 'a');
      await own.kubectl('scale', 'ea', 'a', '--replicas=2');
      await eventually('two pods', async () => (await status('a'))?.replicas === 2);
      await condition('a', 'Ready', 'True', 'Ready');
      await told('a', 'Normal Ready: ');
      await told('a', 'Warning DeadLetters: 1 messages');

      const rest = {
        apiVersion: 'eventagent.dev/v1alpha1',
        kind: 'AgentSchedule',
        metadata: { name: 'paused' },
        spec: { schedule: '0 0 1 1 *', agentRef: { name: 'a' }, suspend: true },
      };
      const triggers = [{ name: 'hook', webhook: { verification: { scheme: 'None' } } }];
      await own.apply(rest, operatorAgent('hooked', { triggers, replicas: 0, podTemplate: { env: [{ name: 'EMPTY', value: '' }] } }));
      await own.kubectl('wait', '--for=condition=Ready', 'agentschedule/paused', '--timeout=40s');
      await condition('hooked', 'TopologyReady', 'True', undefined, 40_000);
      const ours = async () =>
        (await auditedWrites(cluster, own.namespace)).filter(
          ({ objectRef }) => objectRef?.resource !== 'leases' && objectRef?.resource !== 'pods',
        );
      let before = -1;
      await eventually(
        'what was begun is written',
        async () => {
          const { length } = await ours();
          const isQuiet = length === before;
          before = length;
          return isQuiet || (await delay(10_000, false));
        },
        90_000,
      );
      await delay(REST_MS);
      assert.deepEqual((await ours()).slice(before), []);
    });
  });

  test('a spec that is not accepted says why, and the last good version keeps running', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition, playKubelet, queues }) => {
      await start();
      playKubelet();
      await own.apply(operatorAgent('a'), operatorAgent('never', { filter: 'event.type ==' }));
      await condition('a', 'Ready', 'True', undefined, 60_000);
      const { message } = await condition('never', 'Accepted', 'False', 'Invalid');
      assert.match(message, /^spec\.filter: /);
      await condition('never', 'Ready', 'False', 'Invalid');
      assert.deepEqual(
        [...(await queues()).keys()].filter((name) => name.includes('never')),
        [],
      );
      assert.doesNotMatch(await own.kubectl('get', 'deployments', '--output=name'), /never/);

      const deployment = await own.kubectl('get', 'deployment', 'a-runner', '--output=jsonpath={.metadata.generation}');
      await own.kubectl(
        'patch',
        'ea',
        'a',
        '--type=merge',
        '--patch={"spec":{"agent":{"prompt":"{{ event.id"},"delivery":{"retryDelaysSeconds":[40]}}}',
      );
      const refused = await condition('a', 'Accepted', 'False', 'Invalid');
      assert.match(refused.message, /^spec\.agent\.prompt: /);
      await condition('a', 'RunnerAvailable', 'True', 'Available');
      await condition('a', 'TopologyReady', 'True', 'Declared');
      assert.equal(await own.kubectl('get', 'deployment', 'a-runner', '--output=jsonpath={.metadata.generation}'), deployment);
      assert.ok(![...(await queues()).keys()].some((name) => name.endsWith('.retry.40000')), 'nothing is half applied');

      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"agent":{"prompt":"Say it."}}}');
      await condition('a', 'Ready', 'True', undefined, 60_000);
      assert.ok((await queues()).has(`ea.${own.namespace}.a.retry.40000`));
    });
  });

  test('of two agents on one path the older keeps it, and the other gets it when that one is gone', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition }) => {
      await start();
      const triggers = [{ name: 'hook', webhook: { path: '/same', verification: { scheme: 'None' } } }];
      await own.apply(operatorAgent('b', { triggers }));
      await condition('b', 'Accepted', 'True');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await own.apply(operatorAgent('a', { triggers }));
      const { message } = await condition('a', 'Accepted', 'False', 'PathTaken');
      assert.match(message, /\/same belongs to trigger hook of .*\.b, which is older/);
      await condition('b', 'Accepted', 'True');
      await own.kubectl('delete', 'ea', 'b', '--wait=false');
      await condition('a', 'Accepted', 'True', 'Accepted');
    });
  });

  test('a name that somebody else has is left alone and named', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition }) => {
      await own.kubectl('create', 'deployment', 'a-runner', '--image=i', '--replicas=0');
      await start();
      await own.apply(operatorAgent('a'));
      const { message } = await condition('a', 'RunnerAvailable', 'False', 'NameTaken');
      assert.match(message, /Deployment a-runner exists/);
      assert.equal(await own.kubectl('get', 'deployment', 'a-runner', '--output=jsonpath={.spec.template.spec.containers[0].image}'), 'i');
    });
  });
});
