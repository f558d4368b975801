import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { freshDatabase, sharedRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { createRandom } from '../simulation/random.ts';
import { startClaudeStub } from '../support/claude-stub.ts';
import { type DevProcess, manifestFolder, startDev } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import { startHttpSink } from '../support/http-sink.ts';
import { reviewAgent } from '../support/review-agent.ts';

const EVENTS = 2000;
const KILLS = 8;
const SEED = 20260101;

/** Sends to one gateway or the other until somebody has accepted it: what a sender with retries does. */
async function deliverSurely(gateways: () => readonly string[], id: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const urls = gateways();
    if ((await deliver(urls[tries % urls.length] ?? '', id)) === 202) return;
    if (tries > 200) throw new Error(`${id} was never accepted`);
    await wait(100);
  }
}

test(`${EVENTS} events through two processes with ${KILLS} random kills: each is done once, or a dead letter`, {
  timeout: 280_000,
}, async (t) => {
  const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
  const redis = await partOrSkip(t, () => sharedRedis());
  if (rabbit === undefined || redis === undefined) return;
  const random = createRandom(SEED);
  await using vhost = await freshVhost(rabbit);
  await using database = await freshDatabase(redis);
  const stub = await startClaudeStub({ script: () => ({ delayMs: 20 }) });
  const sink = await startHttpSink({
    // Now and then busy, and now and then silent after the effect.
    script: ({ ordinal }) => (ordinal % 50 === 0 ? { status: 503 } : ordinal % 71 === 0 ? { ending: 'reset', effect: true } : {}),
  });
  const processes: DevProcess[] = [];
  try {
    await using manifest = await manifestFolder(
      reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { concurrency: 16, retryDelaysSeconds: [1, 5] } }),
    );
    const args = [manifest.file, '--rabbitmq', vhost.amqpUrl, '--rabbitmq-management', vhost.managementUrl, '--redis', database.url];
    processes.push(await startDev(args), await startDev(args));
    const gateways = () => processes.map(({ gatewayUrl }) => gatewayUrl);
    const ids = Array.from({ length: EVENTS }, (_, index) => `event-${index}`);
    const sending = (async () => {
      for (let at = 0; at < EVENTS; at += 40) {
        await Promise.all(ids.slice(at, at + 40).map((id) => deliverSurely(gateways, id)));
      }
    })();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await wait(random.integer(300, 3000));
      const victim = random.integer(0, 1);
      await processes[victim]?.kill();
      processes[victim] = await startDev(args);
    }
    await sending;

    const queue = `ea.test.reviewer`;
    const deadLetters = async () => {
      const { messages } = (await manage(rabbit, 'GET', `/api/queues/${vhost.vhost}/${queue}.dead`)) as { messages: number };
      return messages;
    };
    const done = () => new Set(sink.effects().map(({ body }) => (JSON.parse(body) as { event: string }).event));
    await eventually('every event is done or dead', async () => done().size + (await deadLetters()) >= EVENTS, 240_000);
    assert.equal(done().size, EVENTS, 'nothing was wrong with any event, so all are done');
    assert.equal(sink.effects().length, EVENTS, 'no effect twice');
    assert.deepEqual(sink.conflicts(), []);
    const perEvent = new Map<string, number>();
    for (const { marker } of stub.received()) perEvent.set(String(marker), (perEvent.get(String(marker)) ?? 0) + 1);
    const extra = [...perEvent.values()].reduce((sum, calls) => sum + calls - 1, 0);
    assert.ok(extra <= KILLS * 16, `at most the calls under way at a kill are bought again: ${extra}`);
    t.diagnostic(`${sink.requests().length} requests to the sink for ${EVENTS} effects, ${extra} calls bought again over ${KILLS} kills`);
  } finally {
    for (const running of processes) await running.kill();
    await stub.close();
    await sink.close();
  }
});
