import { Connection } from 'rabbitmq-client';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import type { BrokerConnection } from '../../src/broker/port.ts';
import type { RabbitServer } from '../parts/rabbitmq.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import type { BrokerWorld } from './broker-world.ts';

/** A world on a RabbitMQ of one's own: a virtual host and a proxy for the connections. The alarm and the restart concern the whole server. */
export async function rabbitWorld(server: RabbitServer): Promise<BrokerWorld> {
  const vhost = await freshVhost(server);
  const direct = new URL(vhost.amqpUrl);
  const proxy = await createTcpProxy(Number(direct.port));
  const url = new URL(direct);
  url.port = String(proxy.port);
  const connections: BrokerConnection[] = [];
  // Counts come by a connection past the proxy, since those of the management API lag behind.
  let counter: Connection | undefined;
  const openCounter = () => {
    const connection = new Connection({ url: direct.href, retryLow: 50, retryHigh: 200 });
    // A restart of the server is part of the game.
    connection.on('error', () => {});
    return connection;
  };
  const path = (kind: string, name: string) => `/api/${kind}/${vhost.vhost}/${encodeURIComponent(name)}`;
  return {
    version: server.version,
    connect() {
      const connection = connectRabbitMq({ url: url.href, name: 'conformance' });
      connections.push(connection);
      return connection;
    },
    admin: managementAdmin({ url: server.managementUrl, vhost: vhost.vhost }),
    declareExchange: async (name, type) => void (await manage(server, 'PUT', path('exchanges', name), { type, durable: true })),
    deleteQueue: async (name) => void (await manage(server, 'DELETE', path('queues', name))),
    async ready(queue) {
      counter ??= openCounter();
      return (await counter.queueDeclare({ queue, passive: true })).messageCount;
    },
    async total(queue) {
      const stated = (await manage(server, 'GET', `${path('queues', queue)}?columns=messages`)) as { readonly messages?: number };
      // A queue of which nothing is known yet has no count at all.
      return stated.messages ?? Number.NaN;
    },
    cut: async () => proxy.cut(),
    restart: () => server.restart(),
    async setAlarm(on) {
      await server.ctl('set_vm_memory_high_watermark', on ? '0.00001' : '0.6');
    },
    async [Symbol.asyncDispose]() {
      for (const connection of connections) await connection.close();
      await counter?.close();
      await proxy[Symbol.asyncDispose]();
      await vhost[Symbol.asyncDispose]();
    },
  };
}
