import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { endsOf } from '../support/dev-stage.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import { onRealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';

/** A broker that takes deliveries away after so long, where no policy says otherwise. */
const BROKER_MS = 2000;

suite('runs that take longer than the broker lets a delivery go unsettled', { concurrency: 3 }, () => {
  for (const version of ['4.0', '4.3'] as const satisfies readonly RabbitVersion[])
    test(`a long run keeps its delivery, since its queue has a policy; a usual one loses it, RabbitMQ ${version}`, async (t) => {
      await using server = await partOrSkip(t, () => startRabbitMq(version, { consumerTimeoutMs: BROKER_MS }));
      if (server == null) return;
      await onRealStage(t, server, async ({ stub, sink, parts }) => {
        for (const { runTimeoutSeconds, isTaken } of [
          { runTimeoutSeconds: 1500, isTaken: true },
          { runTimeoutSeconds: 1501, isTaken: false },
        ]) {
          const agent = reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { runTimeoutSeconds } });
          const event = `event-${runTimeoutSeconds}`;
          await using manifest = await manifestFolder(agent);
          await using dev = await startDev([manifest.file, ...parts]);
          const answer = createGate();
          const before = stub.received().length;
          stub.next({ hold: { at: 'headers', until: answer.opened } });
          assert.equal(await deliver(dev.gatewayUrl, event), 202);
          const ends = () => endsOf(dev, event).map(({ outcome }) => outcome);
          await stub.until('the call is held', () => stub.received().length === before + 1);
          if (isTaken) await dev.until('it is delivered again', () => ends().includes('waiting'));
          else await new Promise((resolve) => setTimeout(resolve, 4 * BROKER_MS));
          answer.open();
          await dev.until('it is done', () => ends().includes('done'), 60_000);
          assert.deepEqual([ends().includes('waiting'), ends().at(-1)], [isTaken, 'done']);
          if (!isTaken) assert.equal(stub.received().length, before + 1);
        }
      });
    });

  test('where the broker cannot let a delivery be held for so long, `dev` says so and what to do, RabbitMQ 3.10', (t) =>
    onRealStage(t, '3.10', async ({ stub, sink, parts }) => {
      const agent = reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { runTimeoutSeconds: 3600 } });
      await using manifest = await manifestFolder(agent);
      await assert.rejects(
        startDev([manifest.file, ...parts]),
        /RabbitMQ 3\.12 and later can\. Upgrade it, or lower spec\.delivery\.runTimeoutSeconds/,
      );
    }));
});
