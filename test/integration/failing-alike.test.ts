import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { brokerNames } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { createLedger } from '../support/ledger.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { statusOf } from '../support/runner-status.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const DEAD = brokerNames({ namespace: 'test', name: 'reviewer' }).dead;
const EVENTS = 24;

suite('events that fail alike', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`a sink that refuses all of them costs four dead letters, RabbitMQ ${version}: two runners pause and say why, and when it is mended all others are done`, (t) =>
      onPodsStage(
        t,
        version,
        async (stage) => {
          const { sink, start, look } = stage;
          const ledger = createLedger(stage);
          sink.script(({ ordinal }) => ({ status: 422, body: `{"error": "request req_${ordinal}AbCdEf is not valid"}` }));
          const gateway = await start('gateway');
          const runners = [await start('runner'), await start('runner')];
          await Promise.all([gateway, ...runners].map((pod) => pod.untilReady()));
          const ids = Array.from({ length: EVENTS }, (_, index) => `event-${index}`);
          for (const id of ids) assert.equal(await ledger.send(gateway.gatewayUrl, id), 202);

          const statuses = () => Promise.all(runners.map(statusOf));
          await eventually('both pause', async () => (await statuses()).every(({ alike }) => alike !== undefined), 60_000);
          await eventually('those before it was noticed are dead', async () => (await look(DEAD)).length >= 4, 30_000);
          const letters = await look(DEAD);
          const dead = letters.map(({ properties }) => String(properties.message_id));
          assert.equal(dead.length, 4);
          const fingerprint = letters[0]?.properties.headers['ea-fingerprint'];
          assert.deepEqual(
            letters.map(({ properties: { headers } }) => [headers['ea-reason'], headers['ea-fingerprint']]),
            dead.map(() => ['OutputRejected', fingerprint]),
          );
          for (const runner of runners) {
            const { alike } = await statusOf(runner);
            assert.deepEqual(
              [alike?.reason, alike?.error, alike?.fingerprint],
              ['OutputRejected', 'output sink answered 422', fingerprint],
            );
            assert.ok(ids.includes(alike?.example ?? '') && !dead.includes(alike?.example ?? ''), alike?.example);
            const said = runner.lines().find(({ msg }) => msg.startsWith('event after event fails alike'));
            assert.deepEqual([said?.level, said?.reason, said?.fingerprint], ['error', 'OutputRejected', fingerprint]);
            assert.ok(ids.includes(String(said?.example)));
            const samples = await scrape(`${runner.metricsUrl}/metrics`);
            assert.deepEqual(
              [sumOf(samples, 'eventagent_failing_alike'), sumOf(samples, 'eventagent_intake_paused', { reason: 'alike' })],
              [1, 1],
            );
          }

          const [first] = await statuses();
          await eventually(
            'one was tried meanwhile, and failed so, too',
            async () => ((await statuses())[0]?.alike?.nextTryAt ?? 0) > (first?.alike?.nextTryAt ?? 0),
            60_000,
          );
          assert.equal((await look(DEAD)).length, 4, 'none was given up for it');

          sink.script(() => ({}));
          const scenario = 'the sink refuses every event, until it is mended';
          await ledger.close(t, { scenario, on: `RabbitMQ ${version}`, dead });
          await eventually('both know', async () => (await statuses()).every(({ alike }) => alike === undefined), 30_000);
          for (const runner of runners) assert.equal(sumOf(await scrape(`${runner.metricsUrl}/metrics`), 'eventagent_failing_alike'), 0);
        },
        { delivery: { concurrency: 2 } },
      ));
});
