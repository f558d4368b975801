import { type RabbitAddress, type RabbitVersion, sharedRabbitMq } from '../parts/rabbitmq.ts';
import { freshDatabase, type RedisDatabase, sharedRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage, type Vhost } from '../parts/vhost.ts';
import { type ClaudeStub, startClaudeStub } from './claude-stub.ts';
import { type HttpSink, startHttpSink } from './http-sink.ts';

/** A message that lies in a queue. */
export interface QueuedMessage {
  readonly payload: string;
  readonly properties: { readonly headers: Readonly<Record<string, unknown>>; readonly message_id?: string; readonly timestamp?: number };
}

/** A virtual host and a database of a test's own, a stub of the model and a sink. */
export interface RealStage {
  readonly vhost: Vhost;
  readonly database: RedisDatabase;
  readonly stub: ClaudeStub;
  readonly sink: HttpSink;
  /** The flags that put these parts under `dev`. */
  readonly parts: readonly string[];
  /** The messages of a queue, which stay in it. */
  look(queue: string): Promise<readonly QueuedMessage[]>;
  /** Publishes to an exchange as any other client of the broker. */
  publish(exchange: string, routingKey: string, payload: string, properties: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Runs a test on real parts, or skips it where this machine cannot have them: on the RabbitMQ of a version that all share, or on one of the test's own. */
export async function onRealStage(
  t: Parameters<typeof partOrSkip>[0],
  broker: RabbitVersion | RabbitAddress,
  body: (stage: RealStage) => Promise<void>,
): Promise<void> {
  const rabbit = typeof broker === 'string' ? await partOrSkip(t, () => sharedRabbitMq(broker)) : broker;
  const redis = await partOrSkip(t, () => sharedRedis());
  if (rabbit === undefined || redis === undefined) return;
  await using vhost = await freshVhost(rabbit);
  await using database = await freshDatabase(redis);
  const stub = await startClaudeStub();
  const sink = await startHttpSink();
  try {
    await body({
      vhost,
      database,
      stub,
      sink,
      parts: ['--rabbitmq', vhost.amqpUrl, '--rabbitmq-management', vhost.managementUrl, '--redis', database.url],
      look: async (queue) => {
        const request = { count: 1000, ackmode: 'ack_requeue_true', encoding: 'auto' };
        return (await manage(rabbit, 'POST', `/api/queues/${vhost.vhost}/${queue}/get`, request)) as readonly QueuedMessage[];
      },
      publish: async (exchange, routingKey, payload, properties) => {
        const message = { routing_key: routingKey, payload, payload_encoding: 'string', properties: { delivery_mode: 2, ...properties } };
        const answer = (await manage(rabbit, 'POST', `/api/exchanges/${vhost.vhost}/${exchange}/publish`, message)) as { routed: boolean };
        if (!answer.routed) throw new Error(`${exchange} routes ${routingKey} nowhere`);
      },
    });
  } finally {
    await stub.close();
    await sink.close();
  }
}
