import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';
import type { Headers } from '../../src/api/message.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { type BrokerConnection, BrokerError, type BrokerErrorCode, type Delivery, type Publication } from '../../src/broker/port.ts';
import { type RabbitAddress, rabbitVersions, sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage, type Vhost } from '../parts/vhost.ts';

const signal = () => AbortSignal.timeout(60_000);

const to = (queue: string, more: Partial<Publication> = {}): Publication => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from('x'),
  headers: {},
  ...more,
});

/** The headers but those that the broker adds, e.g. how often it has delivered the message. */
function ownHeaders(delivery: Delivery | undefined): Headers {
  return Object.fromEntries(Object.entries(delivery?.headers ?? {}).filter(([name]) => !name.startsWith('x-')));
}

const withCode = (code: BrokerErrorCode) => (error: unknown) => error instanceof BrokerError && error.code === code;

/** Publishes through the management API, as any other client of the user's might. */
async function publishForeign(
  server: RabbitAddress,
  vhost: Vhost,
  body: Buffer,
  properties: Readonly<Record<string, unknown>>,
): Promise<void> {
  const message = { routing_key: 'q', payload: body.toString('base64'), payload_encoding: 'base64', properties };
  await manage(server, 'POST', `/api/exchanges/${vhost.vhost}/amq.default/publish`, message);
}

for (const version of rabbitVersions) {
  suite(`RabbitMQ ${version} by rabbitmq-client`, () => {
    /** Runs a test with a connection to a virtual host of its own, which has a queue `q`. */
    const connected = (name: string, body: (connection: BrokerConnection, vhost: Vhost, server: RabbitAddress) => Promise<void>) =>
      test(name, async (t) => {
        const server = await partOrSkip(t, () => sharedRabbitMq(version));
        if (server === undefined) return;
        await using vhost = await freshVhost(server);
        await manage(server, 'PUT', `/api/queues/${vhost.vhost}/q`, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
        const connection = connectRabbitMq({ url: vhost.amqpUrl, name: 'test' });
        try {
          await body(connection, vhost, server);
        } finally {
          await connection.close();
        }
      });

    const bodies: readonly { readonly name: string; readonly body: Buffer; readonly properties: Readonly<Record<string, unknown>> }[] = [
      {
        name: 'JSON with its own spacing',
        body: Buffer.from('{ "a" : 1.0,\n"b":12345678901234567890 }'),
        properties: { content_type: 'application/json' },
      },
      { name: 'JSON that is none', body: Buffer.from('{'), properties: { content_type: 'application/json' } },
      { name: 'text that is not UTF-8', body: Buffer.from([0xff, 0x00, 0xe9]), properties: { content_type: 'text/plain' } },
      { name: 'nothing at all', body: Buffer.alloc(0), properties: { content_type: 'application/json' } },
      {
        name: 'compressed JSON',
        body: Buffer.from([0x1f, 0x8b, 0x08]),
        properties: { content_type: 'application/json', content_encoding: 'gzip' },
      },
      { name: 'bytes without a type', body: Buffer.from([1, 2, 3]), properties: {} },
    ];

    connected("anybody's body arrives byte for byte, by get and by consume", async (connection, vhost, server) => {
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      for (const { name, body, properties } of bodies) {
        await publishForeign(server, vhost, body, properties);
        const got = await channel.get('q');
        assert.deepEqual([got?.body, got?.contentType], [body, properties.content_type], name);
        if (got !== undefined) channel.nack(got, { requeue: true });
        const consuming = await connection.openChannel({ prefetch: 1 }, signal());
        const delivery = await new Promise<Delivery>((resolve, reject) => {
          consuming.consume('q', resolve).catch(reject);
        });
        assert.deepEqual(delivery.body, body, name);
        consuming.ack(delivery);
        await consuming.close();
      }
      const large = Buffer.alloc(3_000_000, 'abc');
      assert.equal(await channel.publish(to('q', { body: large, contentType: 'text/plain' })), 'confirmed');
      assert.deepEqual((await channel.get('q'))?.body, large);
    });

    connected('among equal publications under way each gets the answer that is its own', async (connection) => {
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      const sent = Array.from({ length: 300 }, (_, i) => to(i % 3 === 0 ? 'nowhere' : 'q', { messageId: i % 2 === 0 ? 'same' : 'other' }));
      const outcomes = await Promise.all(sent.map((publication) => channel.publish(publication)));
      assert.deepEqual(
        outcomes,
        sent.map(({ routingKey }) => (routingKey === 'q' ? 'confirmed' : 'unroutable')),
      );
    });

    connected(
      'a publication that loses its route among equal ones that had it is not taken for stored',
      async (connection, vhost, server) => {
        const channel = await connection.openChannel({ prefetch: 1 }, signal());
        const route = `/api/bindings/${vhost.vhost}/e/amq.direct/q/q`;
        await manage(server, 'POST', route, { routing_key: 'k' });
        const publications = Array.from({ length: 500 }, () =>
          channel.publish({ ...to('k', { messageId: 'same' }), exchange: 'amq.direct' }),
        );
        await publications[0];
        await manage(server, 'DELETE', `${route}/k`);
        const outcomes = await Promise.all(publications);
        const first = outcomes.indexOf('unroutable');
        assert.ok(first > 0, 'some were stored before the route was gone, and some came after');
        assert.ok(outcomes.slice(first).every((outcome) => outcome === 'unroutable'));
      },
    );

    connected('a full queue refuses, and the channel stays', async (connection, vhost, server) => {
      const args = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
      await manage(server, 'PUT', `/api/queues/${vhost.vhost}/full`, { durable: true, arguments: args });
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      const outcomes: string[] = [];
      while (outcomes.at(-1) !== 'refused' && outcomes.length < 20) outcomes.push(await channel.publish(to('full')));
      assert.equal(outcomes.at(-1), 'refused');
      assert.equal(await channel.publish(to('q')), 'confirmed');
    });

    connected('properties and headers come back as they were sent', async (connection) => {
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      const headers = {
        text: 'ü',
        empty: '',
        small: -3,
        past32Bits: 2 ** 40,
        largest: Number.MAX_SAFE_INTEGER,
        fraction: 0.1,
        huge: 1e300,
        yes: true,
        no: false,
        nothing: null,
        list: [1, 'a', [true, null], { deep: [2 ** 33] }],
        table: { a: { b: {} } },
      };
      const sent = to('q', { headers, messageId: 'id', contentType: 'application/cloudevents+json', timestamp: 1_700_000_000 });
      await channel.publish(sent);
      const got = await channel.get('q');
      assert.deepEqual({ ...got, headers: ownHeaders(got) }, { ...sent, redelivered: false, tag: 1 });
      await channel.publish(to('q'));
      const bare = await channel.get('q');
      assert.deepEqual({ ...bare, headers: ownHeaders(bare) }, { ...to('q'), redelivered: false, tag: 2 });
    });

    connected('4,000 publications on 40 channels leave no listener behind', async (connection) => {
      const warnings: string[] = [];
      const onWarning = (warning: Error) => warnings.push(warning.message);
      process.on('warning', onWarning);
      const aborted = new AbortController();
      for (let round = 0; round < 40; round++) {
        const channel = await connection.openChannel({ prefetch: 1 }, aborted.signal);
        await Promise.all(Array.from({ length: 100 }, (_, i) => channel.publish(to('q', { messageId: `${round}.${i}` }))));
        await channel.close();
      }
      process.off('warning', onWarning);
      assert.deepEqual(warnings, []);
      assert.equal(getEventListeners(aborted.signal, 'abort').length, 0);
    });

    connected('what AMQP cannot carry is refused alone, and the channel stays', async (connection) => {
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      await assert.rejects(channel.publish(to('k'.repeat(256))), RangeError);
      await assert.rejects(channel.publish(to('q', { headers: { n: Number.NaN } })), RangeError);
      assert.equal(await channel.publish(to('q')), 'confirmed');
    });

    connected('headers beyond a frame end their channel, with a reason, and no other', async (connection) => {
      const [channel, other] = [
        await connection.openChannel({ prefetch: 1 }, signal()),
        await connection.openChannel({ prefetch: 1 }, signal()),
      ];
      await assert.rejects(channel.publish(to('q', { headers: { long: 'x'.repeat(140_000) } })), withCode('ChannelClosed'));
      assert.equal(channel.ended.reason.code, 'ChannelError');
      assert.match(channel.ended.reason.message, /frame size of \d+ bytes exceeds/);
      assert.equal(await other.publish(to('q')), 'confirmed');
    });

    connected('a refused login, user or virtual host, is told at once and again', async (_, vhost, server) => {
      const wrong = new URL(vhost.amqpUrl);
      wrong.password = 'wrong';
      for (const url of [wrong.href, `${server.amqpUrl}/no-such-vhost`]) {
        const connection = connectRabbitMq({ url, name: 'test' });
        await assert.rejects(connection.openChannel({ prefetch: 1 }, new AbortController().signal), (error: unknown) => {
          assert.ok(withCode('LoginRefused')(error));
          assert.doesNotMatch(String(error), /wrong|undefined/);
          return true;
        });
        await assert.rejects(connection.openChannel({ prefetch: 1 }, new AbortController().signal), withCode('LoginRefused'));
        await connection.close();
      }
    });

    connected('after close nothing opens any more, and close may be repeated', async (connection) => {
      const channel = await connection.openChannel({ prefetch: 1 }, signal());
      await Promise.all([connection.close(), connection.close()]);
      assert.equal(channel.ended.reason.code, 'Closed');
      await assert.rejects(channel.publish(to('q')), withCode('ChannelClosed'));
      await assert.rejects(connection.openChannel({ prefetch: 1 }, new AbortController().signal), withCode('Unreachable'));
      assert.deepEqual(connection.state(), { connected: false, blocked: false });
    });
  });
}
