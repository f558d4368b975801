import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Connection } from 'rabbitmq-client';
import { playRole } from './role.ts';

/** What somebody would write by hand: a handler that checks the signature, publishes, and answers when the publish is confirmed. */
await playRole(async (options) => {
  const { amqpUrl, exchange, routingKey, secret } = options as {
    readonly amqpUrl: string;
    readonly exchange: string;
    readonly routingKey: string;
    readonly secret: string;
  };
  const connection = new Connection(amqpUrl);
  const channel = await connection.acquire();
  await channel.confirmSelect();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
    const given = Buffer.from(String(request.headers['x-hub-signature-256']));
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
      response.writeHead(401).end();
      return;
    }
    const id = String(request.headers['x-github-delivery']);
    const type = String(request.headers['x-github-event']);
    const envelope = { exchange, routingKey, mandatory: true, durable: true, messageId: id, type, contentType: 'application/json' };
    await channel.basicPublish(envelope, body);
    const text = JSON.stringify({ id });
    response.writeHead(202, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.writeHead(503).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ready: { port: (server.address() as AddressInfo).port },
    commands: {},
    close: async () => {
      server.closeAllConnections();
      server.close();
      // Otherwise the connection's own close waits for it for ever.
      await channel.close();
      await connection.close();
    },
  };
});
