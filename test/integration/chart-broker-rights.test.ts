import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { manage, type Vhost } from '../parts/vhost.ts';
import { settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import { onOperatorStage, operatorAgent } from '../support/operator-stage.ts';
import { brokerSecret } from '../support/pod-content.ts';
import { onPodsStage } from '../support/pods-stage.ts';

/** What a user of RabbitMQ may do in a virtual host, as regular expressions. https://www.rabbitmq.com/docs/access-control#authorisation */
interface Rights {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** Runs `body` with a user of a virtual host, who is gone afterwards. */
async function withUser(
  vhost: Vhost,
  { tags = '', ...rights }: Rights & { readonly tags?: string },
  body: (user: string, password: string) => Promise<void>,
): Promise<void> {
  const [user, password] = [`user-${vhost.vhost}`, 'a password'];
  await manage(vhost, 'PUT', `/api/users/${user}`, { password, tags });
  await manage(vhost, 'PUT', `/api/permissions/${vhost.vhost}/${user}`, rights);
  try {
    await body(user, password);
  } finally {
    await manage(vhost, 'DELETE', `/api/users/${user}`);
  }
}

// docs/install.md names these.
suite('users of the broker with the least rights', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const) {
    test(`the pods of a namespace need nothing but to write to and read from what has its name, RabbitMQ ${version}`, (t) =>
      onPodsStage(
        t,
        version,
        async ({ vhost, sink, start }) => {
          const rights = { configure: '^$', write: '^ea\\.test\\.', read: '^ea\\.test\\.' };
          await withUser(vhost, rights, async (user, password) => {
            const url = new URL(vhost.amqpUrl);
            [url.username, url.password] = [user, password];
            const broker = brokerSecret(url.href);
            const gateway = await start('gateway', { broker });
            const runner = await start('runner', { broker });
            await Promise.all([gateway.untilReady(), runner.untilReady()]);
            sink.script(({ body }) => ({ status: /"good"/.test(body) ? 200 : 503 }));
            assert.equal(await deliver(gateway.gatewayUrl, 'good'), 202);
            assert.equal(await deliver(gateway.gatewayUrl, 'bad'), 202);
            assert.equal((await settled(runner, 'good')).outcome, 'done');
            const { outcome, attempt } = await settled(runner, 'bad');
            assert.deepEqual([outcome, attempt], ['dead', 2]);
          });
        },
        { delivery: { maxAttempts: 2, retryDelaysSeconds: [1] } },
      ));
  }

  // Without the tag "policymaker": operator-broker.test.ts.
  test('the operator needs the tag "management" and what has its prefix', async (t) => {
    await onOperatorStage(t, async ({ vhost, own, writeBroker, start, condition, queues }) => {
      const rights = { configure: '^ea\\.', write: '^ea\\.', read: '^ea\\.', tags: 'management' };
      await withUser(vhost, rights, async (user, password) => {
        const management_url = new URL(vhost.managementUrl).origin;
        await writeBroker({ management_url, username: user, password, vhost: vhost.vhost });
        await start();
        await own.apply(operatorAgent('orders'));
        await condition('orders', 'TopologyReady', 'True');
        assert.equal((await queues()).size, 4);
        await own.apply(
          operatorAgent('orders', { delivery: { retryDelaysSeconds: [60] }, deletionPolicy: { queue: 'Delete', deadLetters: 'Delete' } }),
        );
        await eventually('another tier', async () => [...(await queues()).keys()].some((name) => name.endsWith('.retry.60000')));
        await own.kubectl('delete', 'eventagent', 'orders', '--timeout=120s');
        assert.equal((await queues()).size, 0);
      });
    });
  });
});
