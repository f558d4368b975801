import { brokerNames } from '../../src/api/names.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import type { BrokerConnection, Channel } from '../../src/broker/port.ts';
import type { Vhost } from '../parts/vhost.ts';
import { type BuriedLetter, buriedMessage, REVIEWER } from './dead-letter-stage.ts';
import { eventually } from './eventually.ts';
import { declare, reviewerInPods } from './pod-content.ts';

/** The reviewing agent's queues on a real broker, and hands to reach into them. */
export interface DeadLetterQueue extends AsyncDisposable {
  readonly connection: BrokerConnection;
  readonly channel: Channel;
  /** Puts dead letters into the queue, in this order. */
  bury(letters: readonly BuriedLetter[]): Promise<void>;
  /** Waits until so many messages of a queue are ready, in nobody's hands. */
  ready(queue: string, count: number): Promise<void>;
}

const names = brokerNames(REVIEWER);

/** So many publications are under way at a time. */
const WINDOW = 500;

/** Declares the reviewing agent's topology in a virtual host, as the operator does. */
export async function deadLetterQueue(vhost: Vhost): Promise<DeadLetterQueue> {
  await declare(vhost, reviewerInPods({ claudeUrl: 'http://127.0.0.1:1', sinkUrl: 'http://127.0.0.1:1' }).topology);
  const connection = connectRabbitMq({ url: vhost.amqpUrl, name: 'test' });
  const channel = await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000));
  return {
    connection,
    channel,
    async bury(letters) {
      for (let from = 0; from < letters.length; from += WINDOW) {
        const publications = letters
          .slice(from, from + WINDOW)
          .map((letter) => channel.publish({ ...buriedMessage(letter), exchange: names.exchange, routingKey: 'dead' }));
        const outcomes = new Set(await Promise.all(publications));
        if (outcomes.size > 1 || !outcomes.has('confirmed')) throw new Error(`dead letters were not taken: ${[...outcomes].join(', ')}`);
      }
    },
    async ready(queue, count) {
      await eventually(`${count} messages are ready in ${queue}`, async () => (await channel.ready(queue)) === count);
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
