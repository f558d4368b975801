import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseGatewayStatus, type RouteStatus } from '../../src/api/gateway-status.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { githubDelivery } from '../support/github-delivery.ts';
import { deliver } from '../support/github-sender.ts';
import { onPodsStage, type Pod } from '../support/pods-stage.ts';
import { WEBHOOK_SECRET } from '../support/review-agent.ts';

async function routesOf(gateway: Pod): Promise<readonly RouteStatus[]> {
  return parseGatewayStatus(await (await fetch(`${gateway.metricsUrl}/status`)).text()).routes;
}

/** Delivers as GitHub would with this secret. */
async function deliverWith(gateway: Pod, secret: string, id: string, path = '/reviewer/github'): Promise<number> {
  const { headers, body } = githubDelivery(secret, 'pull_request', '{"title":"t"}', id);
  const response = await fetch(`${gateway.gatewayUrl}${path}`, {
    method: 'POST',
    headers: headers as Record<string, string>,
    body: String(body),
  });
  await response.body?.cancel();
  return response.status;
}

suite('Secrets of the agents, as the kubelet mounts and swaps them', { concurrency: 2 }, () => {
  test('a webhook whose Secret is missing answers 503 alone, /status names it, and it works as soon as the Secret is there', (t) =>
    onPodsStage(t, '4.3', async ({ reviewer, start }) => {
      const [route] = reviewer.gateway.routes;
      assert.ok(route !== undefined);
      const keys = (...names: readonly string[]) => ({ secretKeyRefs: names.map((name) => ({ name, key: 'secret' })) });
      const routes = [
        route,
        { ...route, trigger: 'late', path: '/late', verification: { scheme: 'GitHub' as const, ...keys('late') } },
        { ...route, trigger: 'rotating', path: '/rotating', verification: { scheme: 'GitHub' as const, ...keys('late', 'webhook') } },
        { ...route, trigger: 'open', path: '/open', verification: { scheme: 'None' as const } },
      ];
      const gateway = await start('gateway', {
        configuration: { ...reviewer.gateway, routes },
        secrets: { ...reviewer.secrets, late: { another: 'key' } },
      });
      await gateway.untilReady();
      const expected = (trigger: string, path: string, secrets: 'Readable' | 'Missing', missing: readonly string[]) => ({
        agent: 'reviewer',
        trigger,
        path,
        secrets,
        missing,
      });
      assert.deepEqual(await routesOf(gateway), [
        expected('github', '/reviewer/github', 'Readable', []),
        expected('late', '/late', 'Missing', ['late/secret']),
        expected('rotating', '/rotating', 'Readable', ['late/secret']),
        expected('open', '/open', 'Readable', []),
      ]);
      assert.equal(await deliverWith(gateway, 'late-secret', 'event-1', '/late'), 503);
      assert.equal(await deliverWith(gateway, WEBHOOK_SECRET, 'event-2'), 202);
      assert.equal(await deliverWith(gateway, WEBHOOK_SECRET, 'event-3', '/rotating'), 202);
      assert.deepEqual(await gateway.readyz(), [200, 'ok'], "one agent's missing Secret does not stop the others");

      // An empty one lets nobody in; a key that comes later is found.
      gateway.files.secrets.late?.swap({ secret: '' });
      assert.equal(await deliverWith(gateway, '', 'event-4', '/late'), 503);
      gateway.files.secrets.late?.swap({ secret: 'late-secret' });
      await eventually('the webhook takes events', async () => (await deliverWith(gateway, 'late-secret', 'event-5', '/late')) === 202);
      assert.deepEqual((await routesOf(gateway))[1], expected('late', '/late', 'Readable', []));
    }));

  test("a rotated Secret is used without a restart: the webhook's, the output's and the model's", (t) =>
    onPodsStage(t, '4.0', async ({ stub, sink, start }) => {
      const gateway = await start('gateway');
      const runner = await start('runner');
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      assert.equal(await deliverWith(gateway, WEBHOOK_SECRET, 'event-0'), 202);
      await settled(runner, 'event-0');

      gateway.files.secrets.webhook?.swap({ secret: 'rotated' });
      await eventually('the new secret is taken', async () => (await deliverWith(gateway, 'rotated', 'event-1')) === 202);
      assert.equal(await deliverWith(gateway, WEBHOOK_SECRET, 'event-2'), 401, 'the old one is not');

      let events = 2;
      const lastEnd = async () => {
        events += 1;
        const id = `event-${events}`;
        assert.equal(await deliverWith(gateway, 'rotated', id), 202);
        await runner.until(`${id} has come to an end`, () => endsOf(runner, id).length > 0);
        return endsOf(runner, id)[0];
      };
      runner.files.secrets.sink?.swap({ authorization: 'Bearer rotated-token' });
      await eventually('the new token is sent', async () => {
        assert.equal((await lastEnd())?.outcome, 'done');
        return sink.requests().at(-1)?.headers.authorization === 'Bearer rotated-token';
      });
      runner.files.secrets.anthropic?.swap({ 'api-key': 'revoked' });
      await eventually('the new key is used, and refused', async () => (await lastEnd())?.reason === 'Unauthorized');
      assert.ok(stub.ledger().some(({ status }) => status === 401));
      assert.deepEqual([gateway.hasEnded(), runner.hasEnded()], [false, false]);
    }));

  test('a suspended runner is ready, and one whose Secrets are missing takes nothing and loses nothing', (t) =>
    onPodsStage(t, '4.3', async ({ reviewer, start, look }) => {
      const gateway = await start('gateway');
      const suspended = await start('runner', { configuration: { ...reviewer.runner, suspend: true } });
      await Promise.all([gateway.untilReady(), suspended.untilReady()]);
      assert.deepEqual(await suspended.readyz(), [200, 'ok']);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      suspended.signal('SIGTERM');
      assert.equal(await suspended.exit, 0);
      assert.equal((await look('ea.test.reviewer')).length, 1);

      const { sink, ...rest } = reviewer.secrets;
      const runner = await start('runner', { secrets: rest });
      await runner.until('it is handed back', () => endsOf(runner, 'event-1').length === 1);
      assert.deepEqual(
        endsOf(runner, 'event-1').map(({ outcome, reason }) => [outcome, reason]),
        [['handed_back', 'SecretMissing']],
      );
      runner.files.mount('sink', sink ?? {});
      assert.equal((await settled(runner, 'event-1', 60_000)).outcome, 'done');
    }));
});
