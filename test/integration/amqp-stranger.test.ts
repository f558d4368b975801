import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { suite, test } from 'node:test';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { BrokerError } from '../../src/broker/port.ts';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost } from '../parts/vhost.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { createWatchable } from '../support/until.ts';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Says something to whoever comes. */
const saying = (text: string) => createServer((socket) => socket.on('error', () => {}).write(text));

/** What listens at a port that is given for a broker's by mistake. */
const strangers: readonly (readonly [name: string, create: () => Server])[] = [
  ['an HTTP server', () => createHttpServer()],
  ['a Redis', () => saying("-ERR unknown command 'AMQP'\r\n")],
  ['an SSH server', () => saying('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a mail server', () => saying('220 mail.example.com ESMTP\r\n')],
  ['a server of another frame type', () => saying('\x09\0\0\0\0\0\x04abcd\xce')],
  ['a server of another method', () => createServer((socket) => void socket.write(Buffer.from('01000000000004deadbeefce', 'hex')))],
];

suite('where something else answers in the place of RabbitMQ', () => {
  for (const [name, create] of strangers)
    test(`${name} is told apart, and counts as a failed connect each time`, async () => {
      const server = create();
      const port = await listening(server);
      const watchable = createWatchable();
      const failures: (string | undefined)[] = [];
      const connection = connectRabbitMq({
        url: `amqp://u:hunter2@127.0.0.1:${port}`,
        name: 'test',
        onChange: (failure) => {
          failures.push(failure);
          watchable.changed();
        },
      });
      try {
        await watchable.until('it was tried twice', () => failures.length >= 2);
        const message = `no connection to RabbitMQ at 127.0.0.1:${port}: what answers there is not AMQP; correct the address`;
        assert.deepEqual(new Set(failures), new Set([message]));
        await assert.rejects(
          connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(10)),
          (error) => error instanceof BrokerError && error.code === 'NotAmqp' && error.message === message,
        );
      } finally {
        await connection.close();
        server.close();
      }
    });

  test('after a lost connection, a further attempt fails and the one after it may not', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    const url = new URL(vhost.amqpUrl);
    const brokerPort = Number(url.port);
    const http = createHttpServer();
    const httpPort = await listening(http);
    await using proxy = await createTcpProxy(brokerPort);
    url.port = String(proxy.port);
    const watchable = createWatchable();
    const failures: (string | undefined)[] = [];
    const connection = connectRabbitMq({
      url: url.href,
      name: 'test',
      onChange: (failure) => {
        failures.push(failure);
        watchable.changed();
      },
    });
    try {
      const first = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
      proxy.leadTo(httpPort);
      proxy.cut();
      await watchable.until('the proxy has answered', () => failures.filter((failure) => failure?.includes('not AMQP')).length >= 2);
      assert.ok(first.ended.aborted);
      proxy.leadTo(brokerPort);
      const second = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
      await second.close();
    } finally {
      await connection.close();
      http.close();
    }
  });
});
