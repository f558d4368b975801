import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { defaultIdempotencyKey } from '../../src/api/event.ts';
import type { EventRecord } from '../../src/api/record.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { eventually } from '../support/eventually.ts';
import { declare } from '../support/pod-content.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const DAY_MS = 86_400_000;
const EXCHANGE = 'ea.test.reviewer';
const agent = { namespace: 'test', name: 'reviewer' };
const keyOf = (id: string) => ({ agent, event: defaultIdempotencyKey({ source: '/test', id }) });

function deadRecord(id: string, endedAt: number): EventRecord {
  const result = { outcome: 'dead', reason: 'Refused', endedAt } as const;
  return { gen: 0, attempt: 1, phase: 'dead', fence: 'f', starts: 0, event: { id, type: 't' }, startedAt: endedAt, outputs: {}, result };
}

suite('the retention of dead letters', () => {
  for (const version of ['3.10', '4.0', '4.3'] as const)
    test(`what is older goes, wherever it lies, its record later, and what is younger stays, RabbitMQ ${version}`, (t) =>
      onPodsStage(t, version, async ({ vhost, database, reviewer, publish, look, start }) => {
        await declare(vhost, reviewer.topology);
        const store = createRedisStore({ url: database.url, onError: () => {} });
        const redis = new Redis(database.url);
        const connection = connectRabbitMq({ url: vhost.amqpUrl, name: 'test', clock: systemClock });
        try {
          const ages = { 'old-1': 3, 'old-2': 1.01, 'young-1': 0.9, 'young-2': 0.5, 'young-3': 0.1 };
          const letter = async (id: string, headers: Readonly<Record<string, unknown>>) =>
            publish(EXCHANGE, 'dead', '{}', { message_id: id, headers: { 'ce-id': id, 'ce-source': '/test', ...headers } });
          await letter('strange', {});
          for (const [id, days] of Object.entries(ages)) {
            const deadAt = Math.round(Date.now() - days * DAY_MS);
            await store.replace(keyOf(id), 0, { record: deadRecord(id, deadAt), leaseMs: 0 });
            await letter(id, {
              'ea-reason': 'Refused',
              'ea-error': 'no',
              'ea-dead-at': new Date(deadAt).toISOString(),
              'ea-key': keyOf(id).event,
            });
          }
          // The broker itself moves one, which was published long ago.
          const old = Math.floor((Date.now() - 30 * DAY_MS) / 1000);
          await publish(EXCHANGE, 'work', '{}', {
            message_id: 'moved',
            timestamp: old,
            headers: { 'ea-dead-at': new Date(0).toISOString() },
          });
          const channel = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
          const delivery = await eventually('the event is in the queue', () => channel.get(EXCHANGE));
          channel.reject(delivery, { requeue: false });
          const letters = async () => (await look(`${EXCHANGE}.dead`)).map(({ properties }) => String(properties.message_id));
          await eventually('it was moved', async () => (await letters()).includes('moved'));
          await channel.close();

          const rest = ['young-3', 'moved'];
          for (const [days, deleted, left] of [
            [1, 2, ['young-1', 'young-2', ...rest]],
            [0.8, 1, ['young-2', ...rest]],
            [0.4, 1, rest],
          ] as const) {
            const runner = await start('runner', { configuration: { ...reviewer.runner, deadLetters: { retentionMs: days * DAY_MS } } });
            await runner.untilReady();
            const expired = async () =>
              sumOf(await scrape(`${runner.metricsUrl}/metrics`), 'eventagent_dead_letters_expired_total', { agent: 'reviewer' });
            // Nobody else may look meanwhile: what he gives back would come first.
            await eventually('the old ones are deleted', async () => (await expired()) === deleted);
            runner.signal('SIGTERM');
            assert.equal(await runner.exit, 0);
            // Given back, they come behind those that were given back before.
            const lie = await letters();
            assert.deepEqual([lie.length, new Set(lie)], [left.length + 1, new Set(['strange', ...left])], `after ${days} days`);
            // The next one is to look, too.
            assert.equal(await redis.del('ea:{test/reviewer}:lease:dead-letters'), 1);
          }
          const { retentionMs } = reviewer.runner.idempotency;
          for (const id of Object.keys(ages)) {
            const leftMs = await redis.pttl(`ea:{test/reviewer}:event:${keyOf(id).event}`);
            if (id === 'young-3') assert.equal(leftMs, -1, 'it stays');
            else assert.ok(leftMs > retentionMs - 600_000 && leftMs <= retentionMs, `${id} has ${leftMs} ms`);
          }
        } finally {
          redis.disconnect();
          await connection.close();
          await store.close();
        }
      }));
});
