import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import {
  type BrokerConnection,
  BrokerError,
  type BrokerErrorCode,
  type Channel,
  type ChannelEnd,
  type Publication,
} from '../../src/broker/port.ts';
import { type RabbitOptions, type RabbitServer, type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage, type Vhost } from '../parts/vhost.ts';
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

/** How the servers of this file deviate. */
const options: Readonly<Record<RabbitVersion, RabbitOptions>> = {
  '3.10': {},
  '4.0': { configuration: ['frame_max = 8192'] },
  '4.3': { consumerTimeoutMs: 1000 },
};
const servers = new Map<RabbitVersion, Promise<RabbitServer>>();

/** Runs a test on a server that nobody else uses, with a connection to a virtual host that has a queue `q`. */
function onServer(
  version: RabbitVersion,
  name: string,
  body: (connection: BrokerConnection, server: RabbitServer, vhost: Vhost) => Promise<void>,
): void {
  test(`${version}: ${name}`, async (t) => {
    const starting = servers.get(version) ?? startRabbitMq(version, options[version]);
    servers.set(version, starting);
    const server = await partOrSkip(t, () => starting);
    if (server === undefined) return;
    // It goes with its server, which nobody asks for anything after it was frozen.
    const vhost = await freshVhost(server);
    await manage(server, 'PUT', `/api/queues/${vhost.vhost}/q`, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const connection = connectRabbitMq({ url: vhost.amqpUrl, name: 'test' });
    try {
      await body(connection, server, vhost);
    } finally {
      // One that a failed test has left frozen would never let the virtual host go.
      server.resume();
      await connection.close();
    }
  });
}

after(async () => {
  for (const server of await Promise.allSettled(servers.values())) {
    if (server.status === 'fulfilled') await server.value.stop();
  }
});

suite('RabbitMQ that fails', () => {
  for (const version of ['3.10', '4.3'] as const) {
    onServer(
      version,
      'killed and started again: channels end, publications under way are unknown, new channels wait and come',
      async (connection, server) => {
        const channel = await connection.openChannel({ prefetch: 1 }, signal());
        assert.equal(await channel.publish(publication), 'confirmed');
        await server.keepQueues();
        const ended = endOf(channel);
        server.pause();
        const underWay = Array.from({ length: 50 }, (_, i) => channel.publish({ ...publication, messageId: String(i % 40) }));
        const outcomes = Promise.allSettled(underWay);
        await server.kill();
        assert.equal((await ended).code, 'ConnectionLost');
        for (const outcome of await outcomes) assert.ok(outcome.status === 'rejected' && withCode('ChannelClosed')(outcome.reason));
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
      },
    );

    onServer(
      version,
      'in alarm: it says so, publishing is refused at once, and goes on when the alarm is over',
      async (connection, server) => {
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
      },
    );
  }

  onServer('4.0', 'with a smaller frame size than asked for: large bodies go and come whole', async (connection) => {
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    assert.equal(await channel.publish({ ...publication, body }), 'confirmed');
    assert.deepEqual((await channel.get('q'))?.body, body);
  });

  onServer('4.3', 'that lets a delivery go after its time: the channel ends as cancelled', async (connection) => {
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    await channel.publish(publication);
    await channel.consume('q', () => {});
    assert.equal((await endOf(channel)).code, 'ConsumerCancelled');
  });

  onServer('4.0', 'whose queue is deleted: the consumer hears of it', async (connection, server, vhost) => {
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    await channel.consume('q', () => {});
    await manage(server, 'DELETE', `/api/queues/${vhost.vhost}/q`);
    assert.equal((await endOf(channel)).code, 'ConsumerCancelled');
    await assert.rejects(channel.publish(publication), withCode('ChannelClosed'));
  });

  onServer('4.0', 'frozen: whoever waits for it is let go by the deadline, and close ends', async (connection, server) => {
    const channel = await connection.openChannel({ prefetch: 1 }, signal());
    server.pause();
    await assert.rejects(connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(200)), withCode('Unreachable'));
    const publishing = assert.rejects(channel.publish(publication), withCode('ChannelClosed'));
    const startedAt = performance.now();
    await connection.close();
    assert.ok(performance.now() - startedAt < 15_000);
    await publishing;
    server.resume();
  });
});
