import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manage, type Vhost } from '../parts/vhost.ts';
import { eventually } from '../support/eventually.ts';
import { onOperatorStage, operatorAgent } from '../support/operator-stage.ts';

suite('the operator and its broker', { concurrency: 4 }, () => {
  test('what somebody takes away or changes by hand is back within the resync, and an event says so', async (t) => {
    await onOperatorStage(t, async ({ own, rabbit, vhost, start, condition, playKubelet, queues, told }) => {
      await start();
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', undefined, 60_000);
      // It need not be ready for that.
      await condition('a', 'RunnerAvailable', 'False', undefined, 60_000);
      const work = `ea.${own.namespace}.a`;
      const bindings = async () =>
        ((await manage(rabbit, 'GET', `/api/queues/${vhost.vhost}/${work}/bindings`)) as readonly unknown[]).length;
      const all = await bindings();
      // One after the other: each has to be noticed by itself.
      await manage(rabbit, 'DELETE', `/api/bindings/${vhost.vhost}/e/${work}/q/${work}/work`);
      await eventually('the binding is back', async () => (await bindings()) === all, 60_000);
      await manage(rabbit, 'DELETE', `/api/exchanges/${vhost.vhost}/ea.${own.namespace}._events`);
      await eventually('the exchange is back with its binding', async () => (await bindings()) === all, 60_000);
      await manage(rabbit, 'DELETE', `/api/queues/${vhost.vhost}/${work}.wait`);
      await eventually('the queue is back', async () => (await queues()).has(`${work}.wait`), 60_000);
      await own.kubectl('scale', 'deployment', 'a-runner', '--replicas=3');
      await eventually(
        'the Deployment is as it was',
        async () => (await own.kubectl('get', 'deployment', 'a-runner', '--output=jsonpath={.spec.replicas}')) === '1',
      );
      const configuration = await own.kubectl('get', 'configmaps', '--selector=eventagent.dev/agent=a', '--output=name');
      assert.match(configuration, /^configmap\/a-runner-/);
      await own.kubectl('delete', configuration.trim());
      await eventually('the ConfigMap is back', async () =>
        (await own.kubectl('get', 'configmaps', '--output=name')).includes(configuration.trim()),
      );
      await own.kubectl('delete', 'deployment', 'a-runner');
      await eventually('the Deployment is back', async () =>
        (await own.kubectl('get', 'deployments', '--output=name')).includes('a-runner'),
      );
      for (const what of [
        `queue ${work}.wait declared`,
        `${work} → ${work} (work) bound`,
        'Deployment a-runner applied again',
        `ConfigMap ${configuration.trim().slice(10)} applied again`,
      ])
        await told('a', 'Warning DriftRepaired: ', what);
      playKubelet();
      await condition('a', 'Ready', 'True', undefined, 60_000);
    });
  });

  test('a queue in the way and a policy that destroys messages are named, and nothing is deleted', async (t) => {
    await onOperatorStage(t, async ({ own, rabbit, vhost, start, condition, put, queues }) => {
      const work = `ea.${own.namespace}.a`;
      await manage(rabbit, 'PUT', `/api/queues/${vhost.vhost}/${work}.dead`, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-message-ttl': 5 },
      });
      await put(`${work}.dead`);
      await start();
      await own.apply(operatorAgent('a'));
      const mismatch = await condition('a', 'TopologyReady', 'False', 'QueueMismatch');
      assert.match(mismatch.message, /\.a\.dead is in the way: .*x-message-ttl is 5 instead of not set/);
      await manage(rabbit, 'DELETE', `/api/queues/${vhost.vhost}/${work}.dead`);
      await condition('a', 'TopologyReady', 'True', 'Declared', 75_000);
      await manage(rabbit, 'PUT', `/api/policies/${vhost.vhost}/platform`, {
        pattern: '.*',
        definition: { 'message-ttl': 60_000 },
        'apply-to': 'queues',
      });
      const policy = await condition('a', 'TopologyReady', 'False', 'ForeignPolicy', 40_000);
      assert.match(policy.message, /policy platform sets message-ttl 60000/);
      await manage(rabbit, 'DELETE', `/api/policies/${vhost.vhost}/platform`);
      await condition('a', 'TopologyReady', 'True', 'Declared', 40_000);
      assert.ok((await queues()).has(work));
    });
  });

  test('a long run needs a policy: it is set before the runner starts, set again, and goes with the wish and with the agent', async (t) => {
    await onOperatorStage(t, async ({ own, rabbit, vhost, start, condition, playKubelet }) => {
      const policies = async () =>
        ((await manage(rabbit, 'GET', `/api/policies/${vhost.vhost}`)) as readonly Readonly<Record<string, unknown>>[]).map(
          ({ name, definition }) => [name, definition],
        );
      const name = `ea.${own.namespace}.a.consumer-timeout`;
      const ofAnHour = [[name, { 'consumer-timeout': 3_900_000 }]];
      const setTimeout = (runTimeoutSeconds: number) =>
        own.kubectl('patch', 'ea', 'a', '--type=merge', `--patch={"spec":{"delivery":{"runTimeoutSeconds":${runTimeoutSeconds}}}}`);
      const deployed = () => own.kubectl('get', 'deployment', 'a-runner', '--output=jsonpath={.spec.template.metadata.annotations}');
      await start();
      playKubelet();
      await own.apply(operatorAgent('a'));
      await condition('a', 'Ready', 'True', undefined, 60_000);
      const usual = await deployed();
      // Somebody's own policy is in the way of ours: the runner stays as it was.
      const pattern = `^ea.${own.namespace}.a$`;
      await manage(rabbit, 'PUT', `/api/policies/${vhost.vhost}/platform`, {
        pattern,
        definition: { 'max-length': 9 },
        'apply-to': 'queues',
      });
      await setTimeout(3600);
      const { message } = await condition('a', 'TopologyReady', 'False', 'RunTimeoutTooLong', 60_000);
      assert.match(message, /policy platform applies to the queue and sets no consumer-timeout/);
      assert.equal(await deployed(), usual);
      await manage(rabbit, 'DELETE', `/api/policies/${vhost.vhost}/platform`);
      await condition('a', 'Ready', 'True', undefined, 60_000);
      assert.notEqual(await deployed(), usual);
      assert.deepEqual(await policies(), ofAnHour);
      await manage(rabbit, 'DELETE', `/api/policies/${vhost.vhost}/${name}`);
      await eventually('it is set again', async () => (await policies()).length === 1, 60_000);
      assert.deepEqual(await policies(), ofAnHour);
      await setTimeout(600);
      await eventually('it goes with the wish', async () => (await policies()).length === 0, 60_000);
      await setTimeout(3600);
      await condition('a', 'Ready', 'True', undefined, 60_000);
      await eventually('it is back', async () => (await policies()).length === 1, 60_000);
      await own.kubectl('delete', 'eventagent', 'a', '--timeout=120s');
      assert.deepEqual(await policies(), []);
    });
  });

  test('where policies cannot be written, the reason says what to do, and the last good version keeps running, or stops when it is told to', async (t) => {
    await onOperatorStage(t, async ({ own, vhost, start, condition, playKubelet, writeBroker }) => {
      await using user = await limitedUser(vhost);
      await writeBroker(user.secret);
      await start();
      playKubelet();
      await own.apply(operatorAgent('a'));
      await condition('a', 'Ready', 'True', undefined, 60_000);
      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"delivery":{"runTimeoutSeconds":3600}}}');
      const { message } = await condition('a', 'TopologyReady', 'False', 'PolicyRefused', 60_000);
      assert.match(
        message,
        /lacks the tag "policymaker", .* Give it the tag, set consumer-timeout to at least 3900000 on queue \S+ by a policy of yours, or lower/,
      );
      assert.doesNotMatch(message, /a password/);
      await condition('a', 'RunnerAvailable', 'True');
      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"suspend":true}}');
      await condition('a', 'Suspended', 'True', 'Suspended', 60_000);
      const configuration = await own.kubectl('get', 'ea', 'a', '--output=jsonpath={.status.configuration}');
      const [running = ''] = (await own.kubectl('get', 'configmap', configuration, '--output=jsonpath={.data}')).match(/\{.*\}/s) ?? [];
      assert.match(running, /\\"suspend\\":true/);
      assert.match(running, /\\"runTimeoutMs\\":300000/);
      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"suspend":false}}');
      await condition('a', 'Suspended', 'False', 'NotSuspended', 60_000);
      // A policy of the platform does as well.
      const policy = { pattern: `^ea.${own.namespace}.a$`, definition: { 'consumer-timeout': 4_000_000 }, 'apply-to': 'queues' };
      await manage(vhost, 'PUT', `/api/policies/${vhost.vhost}/long-runs`, policy);
      await condition('a', 'Ready', 'True', undefined, 75_000);
    });
  });

  test('a policy that may no longer be taken away is named, and holds nothing else up', async (t) => {
    await onOperatorStage(t, async ({ own, vhost, start, status, condition, playKubelet, writeBroker, queues, told }) => {
      await using user = await limitedUser(vhost, 'management,policymaker');
      await writeBroker(user.secret);
      await start();
      playKubelet();
      const deletionPolicy = { queue: 'Delete', deadLetters: 'Delete' };
      await own.apply(operatorAgent('a', { deletionPolicy, delivery: { runTimeoutSeconds: 3600, retryDelaysSeconds: [20] } }));
      await condition('a', 'Ready', 'True', undefined, 60_000);
      await user.setTags('management');
      await own.apply(operatorAgent('a', { deletionPolicy, delivery: { runTimeoutSeconds: 600, retryDelaysSeconds: [25] } }));
      const work = `ea.${own.namespace}.a`;
      await eventually('the old tier is gone', async () => !(await queues()).has(`${work}.retry.20000`), 90_000);
      await eventually(
        'the policy is named',
        async () =>
          (await status('a'))?.conditions?.some(
            ({ type, status: is, message, observedGeneration }) =>
              type === 'TopologyReady' &&
              is === 'True' &&
              observedGeneration === 2 &&
              message.includes(`deleting policy ${work}.consumer-timeout: `) &&
              message.includes('lacks the tag "policymaker"'),
          ) ?? false,
        60_000,
      );
      await condition('a', 'Ready', 'True', undefined, 60_000);
      await own.kubectl('delete', 'eventagent', 'a', '--timeout=120s');
      assert.equal((await queues()).size, 0);
      await told('a', 'Warning TopologyLeft: ', `policy ${work}.consumer-timeout`);
    });
  });

  test('a broker that knows no such policies: the reason says so, and the agent is not run, RabbitMQ 3.10', async (t) => {
    const rabbitServer = await partOrSkip(t, () => sharedRabbitMq('3.10'));
    if (rabbitServer === undefined) return;
    await onOperatorStage(
      t,
      async ({ own, start, condition }) => {
        await start();
        await own.apply(operatorAgent('a', { delivery: { runTimeoutSeconds: 3600 } }));
        const { message } = await condition('a', 'TopologyReady', 'False', 'RunTimeoutTooLong', 60_000);
        assert.match(message, /RabbitMQ 3\.12 and later can/);
        await condition('a', 'RunnerAvailable', 'Unknown', 'NotObserved');
        assert.equal(await own.kubectl('get', 'deployments', '--output=name'), '');
      },
      { rabbitServer },
    );
  });

  test('a refused login is said, and the corrected one is seen without a restart', async (t) => {
    await onOperatorStage(t, async ({ own, rabbit, start, condition, writeBroker, status }) => {
      await start();
      await own.apply(operatorAgent('a'));
      await condition('a', 'TopologyReady', 'True', 'Declared', 40_000);
      const { password } = new URL(rabbit.managementUrl);
      await writeBroker({ password: 'hunter2' });
      const refused = await condition('a', 'BrokerReachable', 'False', 'BrokerLoginRefused');
      assert.doesNotMatch(refused.message, /hunter2/);
      await condition('a', 'TopologyReady', 'Unknown');
      const unknown = await status('a');
      assert.deepEqual([unknown?.queued, unknown?.deadLetters], [undefined, undefined]);
      await writeBroker({ password: decodeURIComponent(password) });
      await condition('a', 'TopologyReady', 'True', 'Declared', 60_000);
      await condition('a', 'BrokerReachable', 'True', 'Reachable');
    });
  });

  test('the tier of an earlier retry schedule drains, and goes when nobody needs it', async (t) => {
    await onOperatorStage(t, async ({ own, start, condition, playKubelet, put, queues, told }) => {
      await start();
      playKubelet();
      await own.apply(operatorAgent('a', { delivery: { retryDelaysSeconds: [20] } }));
      await condition('a', 'Ready', 'True', undefined, 60_000);
      const work = `ea.${own.namespace}.a`;
      await put(`${work}.retry.20000`);
      await own.kubectl('patch', 'ea', 'a', '--type=merge', '--patch={"spec":{"delivery":{"retryDelaysSeconds":[25]}}}');
      await eventually('the new tier', async () => (await queues()).has(`${work}.retry.25000`));
      assert.ok((await queues()).has(`${work}.retry.20000`), 'the old tier holds an event');
      await eventually('the old tier is gone', async () => !(await queues()).has(`${work}.retry.20000`), 90_000);
      assert.equal((await queues()).get(work)?.messages, 1, 'the event is in the work queue');
      await told('a', 'Normal TierRetired: ', `queue ${work}.retry.20000 deleted`);
    });
  });
});

/** A user of a virtual host who may do everything but what takes a tag; gone at the end. */
async function limitedUser(vhost: Vhost, tags = 'management') {
  const name = `limited-${vhost.vhost}`;
  const setTags = (now: string) => manage(vhost, 'PUT', `/api/users/${name}`, { password: 'a password', tags: now });
  await setTags(tags);
  await manage(vhost, 'PUT', `/api/permissions/${vhost.vhost}/${name}`, { configure: '.*', write: '.*', read: '.*' });
  return {
    secret: { username: name, password: 'a password' },
    setTags,
    [Symbol.asyncDispose]: async () => {
      await manage(vhost, 'DELETE', `/api/users/${name}`);
    },
  };
}
