import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import { onRealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const WORK = 'ea.test.reviewer';

suite('dev on real parts, stopped and suspended', { concurrency: true }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`SIGTERM in the middle of an answer: the next process goes on without buying the turn again, RabbitMQ ${version}`, (t) =>
      onRealStage(t, version, async ({ stub, sink, parts, look }) => {
        const gate = createGate();
        stub.next({ hold: { at: 'stream', until: gate.opened } });
        await using manifest = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url }));
        await using first = await startDev([manifest.file, ...parts]);
        assert.equal(await deliver(first.gatewayUrl, 'event-1'), 202);
        await stub.until('the answer is under way', () => stub.underWay(1) === 'stream');
        first.signal('SIGTERM');
        while ((await fetch(`${first.gatewayUrl}/reviewer/github`, { method: 'POST' }).catch(() => undefined))?.status === 401);
        gate.open();
        assert.equal(await first.exit, 0);
        assert.deepEqual(
          endsOf(first, 'event-1').map(({ outcome, reason }) => [outcome, reason]),
          [['handed_back', 'Shutdown']],
        );
        assert.equal(sink.requests().length, 0);
        const [message, ...others] = await look(WORK);
        assert.equal(others.length, 0);
        assert.equal(message?.properties.message_id, 'event-1');
        assert.equal(message?.properties.headers['ea-attempt'], undefined, 'no attempt was counted');

        await using second = await startDev([manifest.file, ...parts]);
        const end = await settled(second, 'event-1');
        assert.deepEqual([end.outcome, end.attempt, end.outputTokens, end.costNanoUsd], ['done', 1, 0, 0]);
        assert.equal(stub.received().length, 1, 'the turn was bought once');
        assert.deepEqual(
          sink.effects().map(({ body }) => JSON.parse(body)),
          [{ event: 'event-1', text: 'Stub answer 1 for event-1.' }],
        );
        second.signal('SIGTERM');
        assert.equal(await second.exit, 0);
      }));

  test('a suspended agent takes events in and runs none; when it is resumed they run', (t) =>
    onRealStage(t, '4.0', async ({ stub, sink, parts, look }) => {
      const documents = reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url });
      const [agent, ...secrets] = documents as [{ spec: object }, ...object[]];
      await using suspended = await manifestFolder([{ ...agent, spec: { ...agent.spec, suspend: true } }, ...secrets]);
      await using resumed = await manifestFolder(documents);
      const ids = ['event-1', 'event-2', 'event-3'];
      await using first = await startDev([suspended.file, ...parts]);
      for (const id of ids) assert.equal(await deliver(first.gatewayUrl, id), 202);
      assert.equal(sumOf(await scrape(first.metricsUrl), 'eventagent_gateway_requests_total', { code: '202' }), 3);
      first.signal('SIGTERM');
      assert.equal(await first.exit, 0);
      assert.deepEqual(endsOf(first), [], 'nothing was run');
      assert.equal(stub.received().length, 0);
      assert.deepEqual(
        (await look(WORK)).map(({ properties }) => properties.message_id),
        ids,
      );

      await using second = await startDev([resumed.file, ...parts]);
      for (const id of ids) assert.deepEqual((await settled(second, id)).outcome, 'done');
      assert.equal(sink.effects().length, 3);
    }));

  test('an event that has outlived its TTL is dropped and counted, and no model is asked', (t) =>
    onRealStage(t, '4.3', async ({ stub, sink, parts, look, publish }) => {
      await using manifest = await manifestFolder(
        reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { eventTtlSeconds: 60 } }),
      );
      await using dev = await startDev([manifest.file, ...parts]);
      const now = Math.floor(Date.now() / 1000);
      const event = (id: string, ageSeconds: number) =>
        publish(WORK, 'work', '{"title":"old"}', { message_id: id, timestamp: now - ageSeconds, content_type: 'application/json' });
      await event('old', 120);
      await event('young', 20);
      assert.equal((await settled(dev, 'old')).outcome, 'stale');
      assert.equal((await settled(dev, 'young')).outcome, 'done');
      assert.deepEqual(
        stub.received().map(({ marker }) => marker),
        ['young'],
      );
      const samples = await scrape(dev.metricsUrl);
      assert.equal(sumOf(samples, 'eventagent_events_total', { outcome: 'stale' }), 1);
      assert.deepEqual(await look(`${WORK}.dead`), [], 'a rule of its author discarded it: it is no dead letter');
    }));
});
