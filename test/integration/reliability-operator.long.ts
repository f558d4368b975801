import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../simulation/random.ts';
import { eventually } from '../support/eventually.ts';
import type { LoggedProcess } from '../support/logged-process.ts';
import { type OperatorStage, onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

const SEED = 20260104;

/** How often the operator is killed after each change, and how long it lives each time. */
const KILLS = 6;
const LIFE_MS = { least: 1_000, most: 7_000 };

const leads = (operator: LoggedProcess) => operator.lines().some(({ msg }) => msg === 'leading');

/** Starts the operator again and again, each time with a Lease of its own, since the one before has not given up its own, and kills it soon. */
async function killedAgain({ cluster, start }: OperatorStage, random: ReturnType<typeof createRandom>, change: string): Promise<void> {
  for (let kill = 0; kill < KILLS; kill += 1) {
    const operator = await start({ KUBECONFIG: cluster.kubeconfig, EVENTAGENT_LEASE_NAME: `lease-${change}-${kill}` });
    await delay(random.integer(LIFE_MS.least, LIFE_MS.most));
    await operator.kill();
  }
}

suite('an operator in trouble: what is there in the end', { concurrency: 2 }, () => {
  test(`killed ${KILLS} times each while agents are made, changed and deleted: the same queues and objects as without a kill`, async (t) => {
    await onOperatorStage(t, async (stage) => {
      const { cluster, own, start, condition, playKubelet, queues } = stage;
      const random = createRandom(SEED);
      playKubelet();
      await own.apply(...['a', 'b', 'c'].map((name) => operatorAgent(name)));
      await killedAgain(stage, random, 'made');
      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"delivery":{"retryDelaysSeconds":[20]}}}');
      await own.kubectl('patch', 'ea', 'b', '--type=merge', '--patch={"spec":{"agent":{"prompt":"Another."}}}');
      await killedAgain(stage, random, 'changed');
      await own.kubectl('delete', 'ea', 'c', '--wait=false');
      await killedAgain(stage, random, 'deleted');
      await start({ KUBECONFIG: cluster.kubeconfig, EVENTAGENT_LEASE_NAME: 'lease-last' });

      for (const name of ['a', 'b']) await condition(name, 'Ready', 'True', 'Ready', 120_000);
      const wanted = [
        ['a', 20_000],
        ['b', 30_000],
      ].flatMap(([name, tier]) => ['', '.wait', '.dead', `.retry.${tier}`].map((end) => `ea.${own.namespace}.${name}${end}`));
      // Dead letters are kept unless the policy says otherwise.
      wanted.push(`ea.${own.namespace}.c.dead`);
      await eventually(
        'the queues of both, and no others',
        async () => {
          const names = new Set((await queues()).keys());
          return names.size === wanted.length && wanted.every((name) => names.has(name));
        },
        120_000,
      );
      const left = async (kind: string) =>
        (await own.kubectl('get', kind, '--selector=app.kubernetes.io/managed-by=eventagent', '--output=name')).trim().split('\n').sort();
      assert.deepEqual(await left('deployments'), ['deployment.apps/a-runner', 'deployment.apps/b-runner']);
      await eventually('the third is gone', async () => (await own.kubectl('get', 'ea', '--output=name')).trim().split('\n').length === 2);
      assert.ok(
        (await left('configmaps')).every((name) => /\/[ab]-/.test(name)),
        'no configuration of the third',
      );
      assert.equal(Number((await own.kubectl('get', 'ea', 'a', '--output=jsonpath={.status.observedGeneration}')) || 0), 2);
    });
  });

  test('a leader that is frozen (SIGSTOP) past its lease undoes nothing when it wakes up', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition, queues }) => {
      const first = await start();
      await first.until('it leads', () => leads(first));
      const second = await start();
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 40_000);
      first.signal('SIGSTOP');
      await second.until('the other leads', () => leads(second), 60_000);
      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"delivery":{"retryDelaysSeconds":[20]}}}');
      await own.apply(operatorAgent('b'));
      await condition('b', 'TopologyReady', 'True', undefined, 40_000);
      const tier = `ea.${own.namespace}.a.retry.20000`;
      await eventually('the new tier', async () => (await queues()).has(tier), 40_000);
      const version = () => own.kubectl('get', 'deployment', 'a-runner', '--output=jsonpath={.spec.template}');
      const before = await version();
      first.signal('SIGCONT');
      assert.notEqual(await first.exit, 0, 'it ends, to be started again');
      assert.match(first.stderr(), /the leadership is lost/);
      assert.equal(second.hasEnded(), false);
      assert.equal(await version(), before);
      assert.ok((await queues()).has(tier));
      await own.kubectl('patch', 'ea', 'b', '--type=merge', '--patch={"spec":{"suspend":true}}');
      await condition('b', 'Suspended', 'True');
    });
  });
});
