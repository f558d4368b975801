import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { startControlPlane } from '../parts/kubernetes.ts';
import { startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manage } from '../parts/vhost.ts';
import { eventually } from '../support/eventually.ts';
import type { LoggedProcess } from '../support/logged-process.ts';
import { onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

const leads = (operator: LoggedProcess) => operator.lines().some(({ msg }) => msg === 'leading');

suite('the operator in trouble', { concurrency: 3 }, () => {
  test('a broker that is gone is said, and the agent is ready again when it is back', async (t) => {
    const rabbit = await partOrSkip(t, () => startRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using _server = rabbit;
    await onOperatorStage(
      t,
      async ({ own, start, condition, playKubelet }) => {
        await start();
        playKubelet();
        await own.apply(operatorAgent('a'));
        await condition('a', 'Ready', 'True', undefined, 60_000);
        await rabbit.kill();
        await condition('a', 'BrokerReachable', 'False', 'BrokerUnreachable');
        await condition('a', 'Ready', 'False', 'BrokerUnreachable');
        await condition('a', 'TopologyReady', 'Unknown');
        await rabbit.restart();
        await condition('a', 'Ready', 'True', 'Ready', 60_000);
      },
      { rabbitServer: rabbit },
    );
  });

  test('of two replicas one works; killed, the other takes over after the lease, told to stop, at once', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition }) => {
      const first = await start();
      await first.until('it leads', () => leads(first));
      const second = await start();
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      assert.equal(leads(second), false);
      await first.kill();
      const killedAt = Date.now();
      await second.until('the other leads', () => leads(second));
      assert.ok(Date.now() - killedAt > 5000, 'not before the lease has run out');
      const third = await start();
      await own.apply(operatorAgent('b'));
      await condition('b', 'TopologyReady', 'True', undefined, 40_000);
      second.signal('SIGTERM');
      assert.equal(await second.exit, 0);
      // Short of a lease.
      await third.until('the third leads', () => leads(third), 12_000);
      await own.kubectl('patch', 'ea', 'b', '--type=merge', '--patch={"spec":{"suspend":true}}');
      await condition('b', 'Suspended', 'True');
    });
  });

  test('killed at any moment of an agent being made, it comes to the same end', async (t) => {
    await onOperatorStage(t, async ({ cluster, own, start, condition, playKubelet, queues }) => {
      playKubelet();
      // A Lease of its own for each, since the one before has not given up its own. The chart's account may use one alone.
      const { kubeconfig: KUBECONFIG } = cluster;
      await own.apply(...['a', 'b', 'c'].map((name) => operatorAgent(name)));
      for (const afterMs of [1200, 1800, 2600, 4000, 6000]) {
        const operator = await start({ KUBECONFIG, EVENTAGENT_LEASE_NAME: `lease-${afterMs}` });
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        await operator.kill();
      }
      await start({ KUBECONFIG, EVENTAGENT_LEASE_NAME: 'lease-last' });
      for (const name of ['a', 'b', 'c']) await condition(name, 'Ready', 'True', 'Ready', 60_000);
      assert.equal((await queues()).size, 3 * 4);
      assert.equal(
        (await own.kubectl('get', 'configmaps', '--selector=app.kubernetes.io/managed-by=eventagent', '--output=name')).trim().split('\n')
          .length,
        3,
      );
    });
  });

  test('writes of others at the same time cost nothing but a second try', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition }) => {
      await start();
      await own.apply(operatorAgent('a'));
      for (let round = 0; round < 15; round += 1) await own.kubectl('annotate', 'ea', 'a', `example.com/round=${round}`, '--overwrite');
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      const { metadata } = JSON.parse(await own.kubectl('get', 'ea', 'a', '--output=json')) as {
        readonly metadata: Readonly<Record<string, unknown>>;
      };
      assert.deepEqual(metadata.finalizers, ['eventagent.dev/topology']);
      assert.equal((metadata.annotations as Readonly<Record<string, string>>)['example.com/round'], '14');
    });
  });

  test('an API server that restarts costs no change, and watches that have expired are made anew', async (t) => {
    const mine = await partOrSkip(t, () => startControlPlane({ version: '1.37', controllerManager: true }));
    if (mine === undefined) return;
    await using cluster = mine;
    await onOperatorStage(
      t,
      async ({ own, rabbit, vhost, start, condition, playKubelet }) => {
        await start();
        playKubelet();
        await own.apply(operatorAgent('a'), operatorAgent('b'));
        for (const name of ['a', 'b']) await condition(name, 'Ready', 'True', undefined, 60_000);
        await cluster.killApiServer();
        await manage(rabbit, 'DELETE', `/api/queues/${vhost.vhost}/ea.${own.namespace}.b.wait`);
        await new Promise((resolve) => setTimeout(resolve, 3000));
        await cluster.startApiServer();
        await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"agent":{"prompt":"Another."}}}');
        await own.kubectl('wait', '--for=condition=Ready', 'eventagent/a', '--timeout=60s');
        await eventually(
          'the queue is back',
          async () =>
            ((await manage(rabbit, 'GET', `/api/queues/${vhost.vhost}`)) as readonly { readonly name: string }[]).some(({ name }) =>
              name.endsWith('.b.wait'),
            ),
          70_000,
        );
        await condition('b', 'Ready', 'True', 'Ready', 60_000);
      },
      { cluster },
    );
  });
});
