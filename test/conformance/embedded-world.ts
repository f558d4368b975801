import { createEmbeddedBroker, type EmbeddedBrokerOptions } from '../../src/broker/embedded.ts';
import type { BrokerVersion } from '../../src/broker/embedded-profile.ts';
import type { BrokerConnection } from '../../src/broker/port.ts';
import type { BrokerWorld } from './broker-world.ts';

/** A world on the embedded broker, in real time. */
export function embeddedWorld(version: BrokerVersion, options: EmbeddedBrokerOptions = {}): BrokerWorld {
  const broker = createEmbeddedBroker({ profile: version, reconnectMs: 20, deadLetterRetryMs: 400, ...options });
  const connections: BrokerConnection[] = [];
  return {
    version,
    connect() {
      const connection = broker.connect();
      connections.push(connection);
      return connection;
    },
    admin: broker.admin,
    declareExchange: async (name, type) => broker.declareExchange(name, type),
    deleteQueue: async (name) => broker.deleteQueue(name),
    ready: async (queue) => broker.counts(queue)?.ready ?? 0,
    total: async (queue) => broker.counts(queue)?.total ?? 0,
    cut: async () => broker.dropConnections(),
    restart: async () => broker.restart(50),
    setAlarm: async (on) => broker.setBlocked(on),
    async [Symbol.asyncDispose]() {
      for (const connection of connections) await connection.close();
    },
  };
}
