import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RabbitVersion, rabbitVersions } from '../parts/rabbitmq.ts';
import { eventually } from '../support/eventually.ts';
import { githubDelivery } from '../support/github-delivery.ts';
import { createLedger } from '../support/ledger.ts';
import { onPodsStage, type Pod } from '../support/pods-stage.ts';
import { WEBHOOK_SECRET } from '../support/review-agent.ts';

/** Senders at work at the same time, and how long each waits between two events. */
const [SENDERS, PACE_MS] = [8, 50];

/** How often the gateway is killed while it answers, and once more it is told to stop. */
const KILLS = 3;

/** Gateways that are killed and stopped under load: what was answered 202 is done, and a sender that repeats does no harm. */
async function killedGateway(t: TestContext, version: RabbitVersion): Promise<void> {
  await onPodsStage(
    t,
    version,
    async (stage) => {
      const ledger = createLedger(stage);
      const runner = await stage.start('runner');
      let gateway: Pod = await stage.start('gateway');
      await Promise.all([gateway.untilReady(), runner.untilReady()]);
      let isOver = false;
      let count = 0;
      const sender = async () => {
        while (!isOver) {
          count += 1;
          await ledger.sendSurely(() => gateway.gatewayUrl, `event-${count}`);
          await delay(PACE_MS);
        }
      };
      const sending = Promise.all(Array.from({ length: SENDERS }, sender));
      const more = async () => {
        const wanted = ledger.accepted().size + 30;
        await eventually('more are accepted', async () => ledger.accepted().size >= wanted, 60_000);
      };
      for (let times = 0; times <= KILLS; times += 1) {
        await more();
        if (times < KILLS) await gateway.kill();
        else {
          gateway.signal('SIGTERM');
          assert.equal(await gateway.exit, 0);
        }
        gateway = await stage.start('gateway');
      }
      await more();
      isOver = true;
      await sending;
      await ledger.close(t, {
        scenario: `the gateway is killed (-9) ${KILLS} times under load, and told to stop (SIGTERM)`,
        on: `RabbitMQ ${version}`,
      });
    },
    { delivery: { concurrency: 8 } },
  );
}

/** One delivery a hundred times at once, again after a restart of everything, and forged in every way. */
async function repeatedDelivery(t: TestContext, version: RabbitVersion): Promise<void> {
  const times = 100;
  await onPodsStage(t, version, async (stage) => {
    const { start, sink } = stage;
    const ledger = createLedger(stage);
    const [gateway, runner] = [await start('gateway'), await start('runner')];
    await Promise.all([gateway.untilReady(), runner.untilReady()]);
    const codes = await Promise.all(Array.from({ length: times }, () => ledger.send(gateway.gatewayUrl, 'event-1')));
    assert.deepEqual(new Set(codes), new Set([202]));
    await sink.until('it has run', () => sink.effects().length === 1);
    for (const pod of [gateway, runner]) {
      pod.signal('SIGTERM');
      assert.equal(await pod.exit, 0);
    }
    const [second] = [await start('gateway'), await (await start('runner')).untilReady()];
    assert.equal(await ledger.send(second.gatewayUrl, 'event-1'), 202);

    for (const [what, id, change] of [
      ['another secret', 'forged-1', { 'x-hub-signature-256': String(signed('another secret', 'forged-1')['x-hub-signature-256']) }],
      ['no signature', 'forged-2', { 'x-hub-signature-256': '' }],
      [
        'the older signature alone',
        'forged-3',
        { 'x-hub-signature-256': '', 'x-hub-signature': 'sha1=0123456789012345678901234567890123456789' },
      ],
    ] as const) {
      const headers: Record<string, string> = { ...signed(WEBHOOK_SECRET, id), ...change };
      if (headers['x-hub-signature-256'] === '') delete headers['x-hub-signature-256'];
      const response = await fetch(`${second.gatewayUrl}/reviewer/github`, { method: 'POST', headers, body: bodyOf(id) });
      assert.equal(response.status, 401, what);
    }
    const altered = await fetch(`${second.gatewayUrl}/reviewer/github`, {
      method: 'POST',
      headers: signed(WEBHOOK_SECRET, 'forged-4'),
      body: bodyOf('forged-5'),
    });
    assert.equal(altered.status, 401, 'an altered byte');
    await ledger.close(t, {
      scenario: `one delivery ${times} times at once, and again after a restart of gateway and runner`,
      on: `RabbitMQ ${version}`,
    });
    assert.ok(!sink.requests().some(({ body }) => body.includes('forged')), 'nothing of what was forged');
  });
}

const bodyOf = (id: string) => JSON.stringify({ title: `change ${id}` });

const signed = (secret: string, id: string) => githubDelivery(secret, 'pull_request', bodyOf(id), id).headers as Record<string, string>;

suite('a gateway in trouble, by the ledger', { concurrency: 3 }, () => {
  for (const version of rabbitVersions) {
    test(`killed and stopped, RabbitMQ ${version}`, (t) => killedGateway(t, version));
    test(`the same delivery again and again, RabbitMQ ${version}`, (t) => repeatedDelivery(t, version));
  }
});
