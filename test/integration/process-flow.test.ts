import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseGatewayStatus } from '../../src/api/gateway-status.ts';
import { STUB_KEY } from '../support/claude-stub.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import type { LogLine } from '../support/logged-process.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { WEBHOOK_SECRET } from '../support/review-agent.ts';
import { scrape, sumOf } from '../support/scrape.ts';

/** Events under way at a time in one runner. */
const SLOTS = 6;

/** What a sender leaves between two events. */
const PACE_MS = 150;

suite('gateway and runner as processes of their own', { concurrency: 2 }, () => {
  test('a signed webhook ends as one request at the sink, and nothing secret is in the logs', (t) =>
    onPodsStage(t, '4.0', async ({ stub, sink, vhost, start }) => {
      const gateway = await start('gateway');
      const runner = await start('runner');
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      assert.deepEqual(
        [await gateway.readyz(), await runner.readyz()],
        [
          [200, 'ok'],
          [200, 'ok'],
        ],
      );

      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      const end = await settled(runner, 'event-1');
      assert.deepEqual([end.outcome, end.attempt, end.agent], ['done', 1, 'test.reviewer']);
      assert.deepEqual(
        sink
          .requests()
          .map(({ path, headers, body }) => ({ path, authorization: headers.authorization, body: JSON.parse(body) as unknown })),
        [{ path: '/sink', authorization: 'Bearer sink-token', body: { event: 'event-1', text: 'Stub answer 1 for event-1.' } }],
      );
      assert.equal(stub.ledger().length, 1);

      const status = await fetch(`${gateway.metricsUrl}/status`);
      assert.equal(status.headers.get('content-type'), 'application/json');
      assert.deepEqual(parseGatewayStatus(await status.text()), {
        configuration: 'test-configuration',
        namespace: 'test',
        routes: [{ agent: 'reviewer', trigger: 'github', path: '/reviewer/github', secrets: 'Readable', missing: [] }],
      });
      const [intake, work] = [await scrape(`${gateway.metricsUrl}/metrics`), await scrape(`${runner.metricsUrl}/metrics`)];
      assert.equal(sumOf(intake, 'eventagent_gateway_requests_total', { code: '202', reason: 'accepted' }), 1);
      assert.equal(sumOf(work, 'eventagent_events_total', { agent: 'reviewer', outcome: 'done' }), 1);

      for (const pod of [gateway, runner]) {
        pod.signal('SIGTERM');
        assert.equal(await pod.exit, 0);
        assert.equal(pod.stderr(), '');
        assert.equal(pod.files.lastWords(), undefined);
        const log = JSON.stringify(pod.lines());
        for (const secret of [STUB_KEY, WEBHOOK_SECRET, 'sink-token', 'guest:guest', 'change event-1', vhost.amqpUrl])
          assert.ok(!log.includes(secret), `${secret} is in the log`);
      }
    }));

  for (const version of ['3.10', '4.3'] as const)
    test(`both are replaced under load, RabbitMQ ${version}: no sender is refused, no event is lost, no turn is bought and no output sent twice`, (t) =>
      onPodsStage(
        t,
        version,
        async ({ stub, sink, start, look }) => {
          const old = { gateway: await start('gateway', {}, { EVENTAGENT_PRESTOP_SECONDS: '30' }), runner: await start('runner') };
          const fresh = { gateway: await start('gateway'), runner: await start('runner') };
          await Promise.all([old.gateway, old.runner, fresh.gateway, fresh.runner].map((pod) => pod.untilReady()));

          // As a Service does it: senders are led elsewhere some time after a pod has ceased to be ready.
          let led = old.gateway;
          let isOver = false;
          const ids: string[] = [];
          const codes: number[] = [];
          const sender = async () => {
            while (!isOver) {
              const id = `event-${ids.length}`;
              ids.push(id);
              codes.push(await deliver(led.gatewayUrl, id));
              await delay(PACE_MS);
            }
          };
          const sending = Promise.all(Array.from({ length: 3 }, sender));
          const more = (count: number) => {
            const from = codes.length;
            return eventually(`${count} more are sent`, async () => codes.length >= from + count);
          };
          await sink.until('some are done', () => sink.effects().length >= 10);
          const gate = createGate();
          stub.script(() => ({ hold: { at: 'stream', until: gate.opened } }));
          const held = () => stub.received().filter(({ ordinal }) => stub.underWay(ordinal) === 'stream').length;
          await stub.until('every slot has a turn under way', () => held() >= 2 * SLOTS);

          for (const pod of [old.runner, old.gateway]) pod.signal('SIGTERM');
          const isStopping = ({ msg }: LogLine) => msg === 'shutting down';
          await Promise.all([old.runner, old.gateway].map((pod) => pod.until('it stops', (lines) => lines.some(isStopping))));
          stub.script(() => ({}));
          gate.open();
          assert.deepEqual(await old.gateway.readyz(), [503, 'shutting down']);
          await more(5);
          led = fresh.gateway;
          assert.deepEqual([await old.gateway.exit, await old.runner.exit], [0, 0]);
          await more(5);
          isOver = true;
          await sending;
          await sink.until('all are done', () => sink.effects().length >= ids.length, 60_000);
          fresh.runner.signal('SIGTERM');
          assert.equal(await fresh.runner.exit, 0);

          assert.deepEqual([codes.length, new Set(codes)], [ids.length, new Set([202])]);
          assert.deepEqual(new Set(sink.requests().map(({ body }) => (JSON.parse(body) as { event: string }).event)), new Set(ids));
          assert.equal(sink.requests().length, ids.length, 'no request was sent twice');
          assert.equal(stub.ledger().length, ids.length, 'no turn was bought twice');
          const handedBack = endsOf(old.runner).filter(({ outcome }) => outcome === 'handed_back');
          assert.deepEqual(
            handedBack.map(({ reason }) => reason),
            Array.from({ length: SLOTS }, () => 'Shutdown'),
            'the old runner had its hands full',
          );
          assert.deepEqual([await look('ea.test.reviewer'), await look('ea.test.reviewer.dead')], [[], []]);
        },
        { delivery: { concurrency: SLOTS } },
      ));
});
