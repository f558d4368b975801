import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { BrokerError, type BrokerErrorCode, type Channel, type ChannelEnd, type Publication } from '../../src/broker/port.ts';
import { type RabbitOptions, type RabbitServer, type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manage } from '../parts/vhost.ts';
import { eventually } from '../support/eventually.ts';

const signal = () => AbortSignal.timeout(30_000);
const withCode = (code: BrokerErrorCode) => (error: unknown) => error instanceof BrokerError && error.code === code;
const publication: Publication = { exchange: '', routingKey: 'q', body: Buffer.alloc(100_000, 'x'), headers: {} };

function endOf(channel: Channel): Promise<ChannelEnd> {
  return new Promise((resolve) => {
    if (channel.ended.aborted) resolve(channel.ended.reason);
    else channel.ended.addEventListener('abort', () => resolve(channel.ended.reason), { once: true });
  });
}

/** Runs a test on a server of its own, which has a queue `q`. */
function onServer(version: RabbitVersion, name: string, options: RabbitOptions, body: (server: RabbitServer) => Promise<void>): void {
  test(`${version}: ${name}`, async (t) => {
    const started = await partOrSkip(t, () => startRabbitMq(version, options));
    if (started === undefined) return;
    await using server = started;
    await manage(server, 'PUT', '/api/queues/%2F/q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await body(server);
  });
}

suite('RabbitMQ that fails', () => {
  for (const version of ['3.10', '4.3'] as const) {
    onServer(
      version,
      'killed and started again: channels end, publications under way are unknown, new channels wait and come',
      {},
      async (server) => {
        const connection = connectRabbitMq({ url: server.amqpUrl, name: 'test' });
        const channel = await connection.openChannel({ prefetch: 1 }, signal());
        const ended = endOf(channel);
        const underWay = Array.from({ length: 200 }, (_, i) => channel.publish({ ...publication, messageId: String(i) }));
        const outcomes = Promise.allSettled(underWay);
        await underWay[0];
        await server.kill();
        assert.equal((await ended).code, 'ConnectionLost');
        const unknown = (await outcomes).filter(({ status }) => status === 'rejected');
        assert.ok(unknown.length > 0);
        assert.ok(unknown.every((outcome) => outcome.status === 'rejected' && withCode('ChannelClosed')(outcome.reason)));
        assert.deepEqual(connection.state(), { connected: false, blocked: false });
        await assert.rejects(connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(300)), withCode('Unreachable'));
        const waiting = connection.openChannel({ prefetch: 1 }, signal());
        await server.restart();
        await waiting;
        // What is sent before the queue has a leader again may never be answered (3.10).
        const outcome = await eventually('a publication is confirmed', async () => {
          const fresh = await connection.openChannel({ prefetch: 1 }, signal());
          return await Promise.race([fresh.publish(publication).catch(() => undefined), delay(1000)]);
        });
        assert.equal(outcome, 'confirmed');
        await connection.close();
      },
    );

    onServer(version, 'in alarm: it says so, publishing is refused at once, and goes on when the alarm is over', {}, async (server) => {
      const connection = connectRabbitMq({ url: server.amqpUrl, name: 'test' });
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      await server.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
      // The broker tells a sender only when it sends.
      const held = channel.publish(publication);
      await eventually('blocked', async () => connection.state().blocked);
      await assert.rejects(channel.publish(publication), withCode('Blocked'));
      assert.ok(connection.state().connected);
      await server.ctl('set_vm_memory_high_watermark', 'absolute', '1GB');
      assert.equal(await held, 'confirmed');
      await eventually('not blocked any more', async () => !connection.state().blocked);
      assert.equal(await channel.publish(publication), 'confirmed');
      await connection.close();
    });
  }

  onServer(
    '4.0',
    'with a smaller frame size than asked for: large bodies go and come whole',
    { configuration: ['frame_max = 8192'] },
    async (server) => {
      const connection = connectRabbitMq({ url: server.amqpUrl, name: 'test' });
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
      assert.equal(await channel.publish({ ...publication, body }), 'confirmed');
      assert.deepEqual((await channel.get('q'))?.body, body);
      await connection.close();
    },
  );

  onServer('4.3', 'that lets a delivery go after its time: the channel ends as cancelled', { consumerTimeoutMs: 1000 }, async (server) => {
    const connection = connectRabbitMq({ url: server.amqpUrl, name: 'test' });
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    await channel.publish(publication);
    await channel.consume('q', () => {});
    assert.equal((await endOf(channel)).code, 'ConsumerCancelled');
    await connection.close();
  });

  onServer('4.0', 'frozen: whoever waits for it is let go by the deadline, and close ends', {}, async (server) => {
    const connection = connectRabbitMq({ url: server.amqpUrl, name: 'test' });
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    server.pause();
    await assert.rejects(connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(200)), withCode('Unreachable'));
    const publishing = assert.rejects(channel.publish(publication), withCode('ChannelClosed'));
    await Promise.race([connection.close(), delay(20_000).then(() => assert.fail('close() hangs'))]);
    await publishing;
    server.resume();
  });

  onServer('4.0', 'whose queue is deleted: the consumer hears of it', {}, async (server) => {
    const connection = connectRabbitMq({ url: server.amqpUrl, name: 'test' });
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    await channel.consume('q', () => {});
    await manage(server, 'DELETE', '/api/queues/%2F/q');
    assert.equal((await endOf(channel)).code, 'ConsumerCancelled');
    await assert.rejects(channel.publish(publication), withCode('ChannelClosed'));
    await connection.close();
  });
});
