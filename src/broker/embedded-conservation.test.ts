import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { createEmbeddedBroker } from './embedded.ts';
import { type BrokerVersion, profiles } from './embedded-profile.ts';
import { BrokerError, type Channel, type Delivery } from './port.ts';
import type { QueueArguments } from './topology.ts';

const deadLetterTo = (key: string): QueueArguments => ({
  'x-queue-type': 'quorum',
  'x-dead-letter-exchange': 'x',
  'x-dead-letter-routing-key': key,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});
const queues: Readonly<Record<string, QueueArguments>> = {
  work: { 'x-delivery-limit': 3, 'x-max-length': 4, ...deadLetterTo('dead') },
  tier: { 'x-message-ttl': 500, ...deadLetterTo('work') },
  dead: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 },
};

const noticeMs = fc.constantFrom(0, 0, 100, 20_000);
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), key: fc.constantFrom('work', 'tier', 'dead', 'nowhere') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('consume' as const), queue: fc.constantFrom('work', 'dead') }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('ack' as const, 'requeue' as const, 'discard' as const), pick: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), pick: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), clientNoticesMs: noticeMs, brokerNoticesMs: noticeMs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), downMs: fc.constantFrom(0, 1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('alarm' as const), on: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, 100, 600, 200_000) }) },
);

test('whatever fails and in whatever order, a confirmed message is settled or in a queue, and what was not taken is nowhere', async () => {
  const property = fc.asyncProperty(
    fc.constantFrom(...(Object.keys(profiles) as BrokerVersion[])),
    fc.array(operation, { minLength: 5, maxLength: 60 }),
    fc.infiniteStream(fc.double({ min: 0, max: 0.999_999, noNaN: true })),
    async (profile, operations, order) => {
      const clock = createVirtualClock(0, { random: () => order.next().value ?? 0 });
      const broker = createEmbeddedBroker({ clock, profile });
      const connection = broker.connect();
      const never = new AbortController().signal;
      const settled = new Set<string | undefined>();
      const outcomes = new Map<string, string>();
      const channels: Channel[] = [];
      const held: { readonly channel: Channel; readonly delivery: Delivery }[] = [];

      const declaring = (async () => {
        await broker.admin.apply({ do: 'declare-exchange', exchange: { name: 'x', type: 'direct' } }, never);
        for (const [name, args] of Object.entries(queues)) {
          await broker.admin.apply({ do: 'declare-queue', queue: { name, role: 'work', arguments: args } }, never);
          await broker.admin.apply({ do: 'bind', binding: { source: 'x', queue: name, routingKey: name } }, never);
        }
      })();
      await clock.runUntilIdle();
      await declaring;

      const open = async (use: (channel: Channel) => Promise<unknown>) => {
        const channel = await connection.openChannel({ prefetch: 2 }, never);
        channels.push(channel);
        await use(channel).catch(onlyBrokerErrors);
      };
      for (const [index, step] of operations.entries()) {
        if (step.do === 'publish') {
          const id = `${index}`;
          void open(async (channel) => {
            const message = { exchange: 'x', routingKey: step.key, messageId: id, headers: {}, body: Buffer.alloc(0) };
            outcomes.set(id, await channel.publish(message));
          });
        } else if (step.do === 'consume')
          void open((channel) => channel.consume(step.queue, (delivery) => held.push({ channel, delivery })));
        else if (step.do === 'close') void channels[step.pick % Math.max(channels.length, 1)]?.close();
        else if (step.do === 'drop') broker.dropConnections(step);
        else if (step.do === 'restart') broker.restart(step.downMs);
        else if (step.do === 'alarm') broker.setBlocked(step.on);
        else if (step.do === 'advance') await clock.advance(step.ms);
        else {
          const [picked] = held.splice(step.pick % Math.max(held.length, 1), 1);
          if (picked === undefined || picked.channel.ended.aborted) continue;
          // Behind the dead-letter queue there is no other.
          const isLast = step.do === 'discard' && picked.delivery.routingKey === 'dead';
          if (step.do === 'ack' || isLast) settled.add(picked.delivery.messageId);
          if (step.do === 'ack') picked.channel.ack(picked.delivery);
          else picked.channel.reject(picked.delivery, { requeue: step.do === 'requeue' });
        }
      }
      broker.setBlocked(false);
      await clock.advance(60_000);
      const present = new Set(Object.keys(queues).flatMap((queue) => broker.messages(queue).map(({ messageId }) => messageId)));
      for (const [id, outcome] of outcomes) {
        if (outcome === 'confirmed') assert.ok(settled.has(id) || present.has(id), `${id} is lost`);
        else assert.ok(!present.has(id), `${id} was ${outcome} and is there`);
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

function onlyBrokerErrors(error: unknown): void {
  if (!(error instanceof BrokerError)) throw error;
}
