import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRabbitMq } from '../parts/rabbitmq.ts';
import { freshDatabase, sharedRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { startClaudeStub } from '../support/claude-stub.ts';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { deliver } from '../support/github-sender.ts';
import { startHttpSink } from '../support/http-sink.ts';
import { reviewAgent } from '../support/review-agent.ts';

const EVENTS = 100;

for (const version of ['3.10', '4.3'] as const) {
  test(`RabbitMQ ${version} is killed and comes back while ${EVENTS} events are under way: each is done once, and no answer is bought twice`, async (t) => {
    await using rabbit = await partOrSkip(t, () => startRabbitMq(version));
    const redis = await partOrSkip(t, () => sharedRedis());
    if (rabbit == null || redis === undefined) return;
    await using database = await freshDatabase(redis);
    const stub = await startClaudeStub({ script: () => ({ delayMs: 300 }) });
    const sink = await startHttpSink();
    try {
      await using manifest = await manifestFolder(
        reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { concurrency: 10, retryDelaysSeconds: [1] } }),
      );
      await using dev = await startDev([
        manifest.file,
        '--rabbitmq',
        rabbit.amqpUrl,
        '--rabbitmq-management',
        rabbit.managementUrl,
        '--redis',
        database.url,
      ]);
      const ids = Array.from({ length: EVENTS }, (_, index) => `event-${index}`);
      const accepted = await Promise.all(ids.map((id) => deliver(dev.gatewayUrl, id)));
      assert.deepEqual(new Set(accepted), new Set([202]));
      await sink.until('a fifth is done', () => sink.effects().length >= EVENTS / 5, 60_000);
      await rabbit.restart();
      await dev.until('all are done', (lines) => lines.filter(({ outcome }) => outcome === 'done').length >= EVENTS, 120_000);
      const texts = sink.effects().map(({ body }) => (JSON.parse(body) as { event: string }).event);
      assert.equal(texts.length, EVENTS, 'no effect twice');
      assert.deepEqual(new Set(texts), new Set(ids), 'and none missing');
      assert.equal(dev.lines().filter(({ outcome }) => outcome === 'dead').length, 0);
      assert.equal(stub.ledger().length, EVENTS, 'a turn under way was finished and kept, not bought again');
      dev.signal('SIGTERM');
      assert.equal(await dev.exit, 0);
    } finally {
      await stub.close();
      await sink.close();
    }
  });
}
