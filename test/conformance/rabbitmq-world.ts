import { Connection } from 'rabbitmq-client';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import type { BrokerConnection } from '../../src/broker/port.ts';
import type { RabbitAddress, RabbitServer } from '../parts/rabbitmq.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import type { BrokerWorld } from './broker-world.ts';

/** A world on a RabbitMQ: a virtual host and a proxy for the connections. An alarm and a restart concern the whole server, and need it as `own`. */
export async function rabbitWorld(server: RabbitAddress, own?: RabbitServer): Promise<BrokerWorld> {
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
  const control = () => {
    if (own === undefined) throw new Error('the server is shared: it is neither restarted nor alarmed');
    return own;
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
    async restart() {
      // A confirmed message is on the disk; a queue or a binding that was declared a moment ago is not (before 4.3), and a kill would take it away,
      // or leave a queue that never answers again. What is to be shown here is the former.
      await control().ctl('eval', 'catch mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()], ok.');
      await control().restart();
    },
    async setAlarm(on) {
      await control().ctl('set_vm_memory_high_watermark', on ? '0.00001' : '0.6');
    },
    async [Symbol.asyncDispose]() {
      for (const connection of connections) await connection.close();
      await counter?.close();
      await proxy[Symbol.asyncDispose]();
      await vhost[Symbol.asyncDispose]();
    },
  };
}
