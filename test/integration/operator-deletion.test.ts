import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kubectl } from '../parts/kubernetes-namespace.ts';
import { eventually } from '../support/eventually.ts';
import { type OperatorStage, onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

const isGone =
  ({ own }: OperatorStage, agent: string) =>
  async () =>
    (await own.kubectl('get', 'eventagent', agent, '--ignore-not-found', '--output=name')) === '';

suite('deleting an agent', { concurrency: 4 }, () => {
  test('takes its empty queues along and leaves its dead letters', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start, condition, queues, put, told } = stage;
      await start();
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      const work = `ea.${own.namespace}.a`;
      await put(`${work}.dead`);
      await own.kubectl('delete', 'ea', 'a', '--wait=false');
      await eventually('the agent is gone', isGone(stage, 'a'), 90_000);
      assert.deepEqual([...(await queues()).keys()], [`${work}.dead`]);
      await told('a', 'Normal QueuesLeft: ', `${work}.dead (1 messages)`);
      assert.doesNotMatch(await own.kubectl('get', 'deployments,configmaps', '--output=name'), /a-runner/);

      // Another agent of that name is looked at anew: an event that comes while it is deleted is seen.
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      await put(work);
      await own.kubectl('delete', 'ea', 'a', '--wait=false');
      await eventually('the second is gone', isGone(stage, 'a'), 90_000);
      assert.equal((await queues()).get(work)?.messages, 1);
    });
  });

  test('leaves queues with events in them, and says so', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start, condition, queues, put, told } = stage;
      await start();
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      const work = `ea.${own.namespace}.a`;
      await put(work);
      await own.kubectl('delete', 'ea', 'a', '--wait=false');
      await eventually('the agent is gone', isGone(stage, 'a'), 90_000);
      assert.deepEqual((await queues()).get(work)?.messages, 1);
      await told('a', 'QueuesLeft: ', `${work} (1 messages)`);
      // Made anew, the agent finds them.
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      assert.deepEqual((await queues()).get(work)?.messages, 1);
    });
  });

  test('destroys what is in the queues only where the policy says so', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start, condition, queues, put } = stage;
      await start();
      await own.apply(
        operatorAgent('all', { deletionPolicy: { queue: 'Delete', deadLetters: 'Delete' } }),
        operatorAgent('none', { deletionPolicy: { queue: 'Retain' } }),
      );
      for (const name of ['all', 'none']) {
        await condition(name, 'TopologyReady', 'True', undefined, 40_000);
        await put(`ea.${own.namespace}.${name}`);
        await put(`ea.${own.namespace}.${name}.dead`);
      }
      await own.kubectl('delete', 'ea', 'all', 'none', '--wait=false');
      await eventually('both are gone', async () => (await isGone(stage, 'all')()) && (await isGone(stage, 'none')()), 60_000);
      const left = [...(await queues()).keys()].map((name) => name.replace(`ea.${own.namespace}.`, ''));
      assert.deepEqual(new Set(left), new Set(['none', 'none.dead', 'none.wait', 'none.retry.30000']));
    });
  });

  test('is over at once by an annotation, and after a minute without a broker, each with an event that names what is left', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, start, condition, writeBroker, told } = stage;
      await start();
      await own.apply(operatorAgent('now'), operatorAgent('later'));
      for (const name of ['now', 'later']) await condition(name, 'TopologyReady', 'True', undefined, 40_000);
      await writeBroker({ management_url: 'http://127.0.0.1:1' });
      await condition('now', 'BrokerReachable', 'False', 'BrokerUnreachable');
      await own.kubectl('annotate', 'ea', 'now', 'eventagent.dev/release=true');
      await own.kubectl('delete', 'ea', 'now', 'later', '--wait=false');
      await eventually('one is gone at once', isGone(stage, 'now'));
      assert.equal(await isGone(stage, 'later')(), false);
      await eventually('the other follows', isGone(stage, 'later'), 100_000);
      for (const name of ['now', 'later']) await told(name, 'Warning TopologyLeft: ', `ea.${own.namespace}.${name}*`);
    });
  });

  test('does not hold up the deletion of its namespace', async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { own, cluster, start, condition } = stage;
      // Its own account would go with the namespace.
      await start({ KUBECONFIG: cluster.kubeconfig, EVENTAGENT_POD_NAMESPACE: 'default', EVENTAGENT_LEASE_NAME: own.namespace });
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      await own.kubectl('delete', 'namespace', own.namespace, '--wait=false');
      await eventually(
        'the namespace is gone',
        async () => (await kubectl(cluster, ['get', 'namespace', own.namespace, '--ignore-not-found', '--output=name'])) === '',
        120_000,
      );
    });
  });
});
