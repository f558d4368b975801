import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import type { RedriveConfiguration } from '../../src/api/redrive-configuration.ts';
import { parseRedriveProgress } from '../../src/api/redrive-progress.ts';
import { deadLetterQueue } from '../support/dead-letter-queue.ts';
import { keyOf, REVIEWER, reviewerNames } from '../support/dead-letter-stage.ts';
import { manifestFolder, runCli, startDev } from '../support/dev-process.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import { brokerSecret } from '../support/pod-content.ts';
import { type PodFiles, podFiles, runPodProcess, startPodProcess } from '../support/pod-process.ts';
import { onRealStage, type RealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';

const { dead, work } = reviewerNames;

const configuration = (change: Partial<RedriveConfiguration> = {}): RedriveConfiguration => ({
  redrive: { namespace: REVIEWER.namespace, name: 'again', uid: 'uid-1' },
  agent: REVIEWER,
  prefix: 'ea',
  filter: {},
  dryRun: false,
  eventsPerMinute: 60_000,
  stopAtFailurePercent: 50,
  outcomeTimeoutMs: 60_000,
  ...change,
});

function podOf({ vhost, database }: RealStage, change: Partial<RedriveConfiguration> = {}): PodFiles {
  return podFiles({
    configuration: configuration(change),
    broker: brokerSecret(vhost.amqpUrl),
    store: { connection_string: `${database.url}\n` },
  });
}

/** What the last container has said of the redrive. */
const said = (files: PodFiles) => parseRedriveProgress(JSON.stringify(files.lastWords()));

/** Refused in one way or another: five events in a row that fail alike would be handed back. */
const refusal = (ordinal: number) => ({ status: [422, 404, 410][ordinal % 3] ?? 422 });

const ids = (count: number) => Array.from({ length: count }, (_, index) => `event-${index}`);

suite('the process of a redrive', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`killed again and again it redrives as many as its limit says, and each event is run once, RabbitMQ ${version}`, (t) =>
      onRealStage(t, version, async (stage) => {
        const { stub, sink, parts, vhost } = stage;
        let broken = true;
        sink.script(({ ordinal }) => (broken ? refusal(ordinal) : {}));
        await using manifest = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { concurrency: 8 } }));
        await using dev = await startDev([manifest.file, ...parts]);
        const all = ids(60);
        for (const id of all) assert.equal(await deliver(dev.gatewayUrl, id), 202);
        await dev.until('all are dead', () => endsOf(dev).filter(({ outcome }) => outcome === 'dead').length === all.length, 60_000);
        broken = false;
        const bought = stub.received().length;
        using files = podOf(stage, { limit: 50, eventsPerMinute: 1200 });
        await using queue = await deadLetterQueue(vhost);
        const doneCount = () => endsOf(dev).filter(({ outcome }) => outcome === 'done').length;
        for (let kill = 0; kill < 4; kill += 1) {
          const before = doneCount();
          await using child = await startPodProcess('redrive', files.environment());
          await dev.until('it redrives', () => doneCount() >= before + 5, 60_000);
          await child.kill();
        }
        const { code, stderr } = await runPodProcess('redrive', files.environment());
        assert.equal(code, 0, stderr);
        const { outcome, counts } = said(files);
        assert.deepEqual(
          [outcome, counts.depth, counts.redriven, counts.superseded, counts.ends],
          ['complete', 60, 50, 0, { succeeded: 50, discarded: 0, deadAgain: 0, underWay: 0 }],
        );
        await Promise.all([queue.ready(dead, 10), queue.ready(work, 0)]);
        assert.equal(doneCount(), 50);
        assert.equal(sink.effects().length, 50);
        assert.equal(new Set(sink.effects().map(({ body }) => body)).size, 50, 'no event had its effect twice');
        assert.equal(stub.received().length, bought, 'no answer was bought again');
      }));

  test('stops at its rate of failures with exit code 10, tells how far it is meanwhile, and a dry run tells the cost', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      const { stub, sink, parts, vhost } = stage;
      let broken = true;
      sink.script(({ ordinal }) => (broken ? refusal(ordinal) : {}));
      await using manifest = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { concurrency: 4 } }));
      await using dev = await startDev([manifest.file, ...parts]);
      const all = ids(80);
      for (const id of all) assert.equal(await deliver(dev.gatewayUrl, id), 202);
      await dev.until('all are dead', () => endsOf(dev).filter(({ outcome }) => outcome === 'dead').length === all.length, 60_000);
      broken = false;
      assert.equal(await deliver(dev.gatewayUrl, 'good'), 202);
      const { costNanoUsd } = await settled(dev, 'good');

      using dry = podOf(stage, { dryRun: true });
      assert.equal((await runPodProcess('redrive', dry.environment())).code, 0);
      const look = said(dry);
      assert.deepEqual([look.outcome, look.counts.redriven, look.counts.ends], ['complete', 80, undefined]);
      assert.equal(look.estimatedCostNanoUsd, 80 * Number(costNanoUsd));

      using files = podOf(stage, { eventsPerMinute: 600 });
      // It does not end before it has said so: none of its events does.
      const gate = createGate();
      sink.script(({ ordinal }) => ({ ...refusal(ordinal), until: gate.opened }));
      await using child = await startPodProcess('redrive', files.environment());
      await eventually('it says how far it is', async () => {
        const response = await fetch(`${child.metricsUrl}/status`);
        return (JSON.parse(await response.text()) as { readonly counts?: { readonly redriven: number } }).counts?.redriven;
      });
      gate.open();
      assert.equal(await child.exit, 10);
      const { outcome, counts, message } = said(files);
      assert.equal(outcome, 'failure-rate');
      assert.match(message ?? '', /^100% of the last \d+ redriven events/);
      assert.ok(counts.redriven < 80 && counts.ends?.succeeded === 0);
      await using queue = await deadLetterQueue(vhost);
      // Those under way die again in their time; none is lost.
      await queue.ready(dead, 80);
    }));

  test('ends with exit code 12 where a record cannot be read, and with 1 as a command; the other letters are redriven', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      const { vhost, database } = stage;
      await using queue = await deadLetterQueue(vhost);
      await queue.bury([{ id: 'bad' }, { id: 'good' }]);
      const redis = new Redis(database.url);
      const key = `ea:{${REVIEWER.namespace}/${REVIEWER.name}}:event:${keyOf({ id: 'bad' })}`;
      await redis.hset(key, { v: 1, f: 'old', l: 0, r: 'no JSON', e: '' });
      await redis.quit();
      using files = podOf(stage, { outcomeTimeoutMs: 0 });
      const { code, stderr } = await runPodProcess('redrive', files.environment());
      assert.equal(code, 12, stderr);
      const { outcome, counts, message } = said(files);
      assert.deepEqual([outcome, counts.redriven, counts.unreadable], ['records-unreadable', 1, { events: 1, examples: ['bad'] }]);
      assert.match(message ?? '', /^the record of event "bad" cannot be read; such dead letters stay/);
      const command = await runCli(['redrive', 'test/reviewer', '--rabbitmq', vhost.amqpUrl, '--redis', database.url]);
      assert.equal(command.code, 1);
      assert.equal(
        command.stdout,
        'test/reviewer: of 1 message redriven 0, superseded 0, further copies 0, left 1 (the record of event "bad" cannot be read)\n',
      );
      assert.match(command.stderr, /^eventagent: the record of event "bad" cannot be read; .*\n$/);
      await Promise.all([queue.ready(dead, 1), queue.ready(work, 1)]);
    }));

  test('says why it cannot go on where another pod may', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      using files = podOf(stage);
      const { code, stderr } = await runPodProcess('redrive', files.environment());
      assert.equal(code, 1);
      assert.match(stderr, /^eventagent redrive: there is no queue ea\.test\.reviewer\.dead/);
      assert.match(JSON.stringify(files.lastWords()), /PublishRefused/);
    }));
});
