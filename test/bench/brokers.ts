import type { EventAgent } from '../../src/api/generated/event-agent.ts';
import { DEFAULT_PREFIX } from '../../src/api/names.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import { ensureTopology } from '../../src/broker/ensure.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import type { Channel, Publication } from '../../src/broker/port.ts';
import { mergedTopology, topologyFor } from '../../src/compile/topology.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type RabbitServer, type RabbitVersion, startRabbitMq } from '../parts/rabbitmq.ts';
import { freshVhost, manage } from '../parts/vhost.ts';

/** The version that is measured on. */
export const RABBIT_VERSION: RabbitVersion = '4.3';

/** A RabbitMQ of our own with the topology of some agents. */
export interface BenchBroker extends AsyncDisposable {
  /** Names the virtual host. */
  readonly amqpUrl: string;
  /** Drops all messages of a queue. */
  purge(queue: string): Promise<void>;
  /** Publishes messages and waits until all are confirmed. */
  fill(publications: Iterable<Publication>): Promise<void>;
}

/** How many publications are under way at a time while a queue is filled. */
const FILLING = 500;

/** Starts a broker and declares what the agents need, exactly as the product does. */
export async function startBroker(agents: readonly EventAgent[]): Promise<BenchBroker> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRabbitMq(RABBIT_VERSION));
  const { amqpUrl, vhost } = stack.use(await freshVhost(server));
  const admin = managementAdmin({ url: server.managementUrl, vhost });
  const topology = mergedTopology(agents.map((agent) => topologyFor(agent, DEFAULT_PREFIX)));
  await ensureTopology(systemClock, admin, topology, AbortSignal.timeout(120_000));
  const connection = connectRabbitMq({ url: amqpUrl, name: 'benchmark' });
  stack.defer(() => connection.close());
  const channel = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
  const owned = stack.move();
  return {
    amqpUrl,
    purge: (queue) => purge(server, vhost, queue),
    fill: (publications) => fill(channel, publications),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function purge(server: RabbitServer, vhost: string, queue: string): Promise<void> {
  await manage(server, 'DELETE', `/api/queues/${vhost}/${encodeURIComponent(queue)}/contents`);
}

async function fill(channel: Channel, publications: Iterable<Publication>): Promise<void> {
  const source = publications[Symbol.iterator]();
  const publishing = Array.from({ length: FILLING }, async () => {
    for (let next = source.next(); next.done !== true; next = source.next()) {
      const publication = next.value;
      const outcome = await channel.publish(publication);
      if (outcome !== 'confirmed') throw new Error(`a message of the benchmark was ${outcome}`);
    }
  });
  await Promise.all(publishing);
}
