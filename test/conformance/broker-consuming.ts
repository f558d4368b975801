import assert from 'node:assert/strict';
import { BrokerError, type Channel } from '../../src/broker/port.ts';
import { eventually } from '../support/eventually.ts';
import type { BrokerCases } from './broker-suite.ts';
import { endOf, ids, inboxOf, send, signal } from './broker-world.ts';

const brokerError = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;

/** What consumers see. */
export const consumingCases: BrokerCases = {
  'a consumer holds no more than its prefetch': async ({ world, channel, queues }) => {
    await queues({ a: {} });
    const publisher = await channel();
    for (const id of ['1', '2', '3', '4', '5']) await send(publisher, 'a', id);
    const consumer = await channel(2);
    const inbox = await inboxOf(consumer, 'a');
    assert.deepEqual(ids(await inbox.first(2)), ['1', '2']);
    await eventually('three messages left', async () => (await world.ready('a')) === 3);
    assert.equal(inbox.deliveries.length, 2);
    for (const delivery of [...inbox.deliveries]) consumer.ack(delivery);
    assert.deepEqual(ids(await inbox.first(4)), ['1', '2', '3', '4']);
    await eventually('one message left', async () => (await world.ready('a')) === 1);
    assert.equal(inbox.deliveries.length, 4);
  },

  'two consumers are served in turn': async ({ channel, queues }) => {
    await queues({ a: {} });
    const [left, right] = [await inboxOf(await channel(10), 'a'), await inboxOf(await channel(10), 'a')];
    const publisher = await channel();
    for (const id of ['1', '2', '3', '4']) await send(publisher, 'a', id);
    assert.deepEqual(ids(await left.first(2)), ['1', '3']);
    assert.deepEqual(ids(await right.first(2)), ['2', '4']);
  },

  'cancel keeps what is unsettled, and it can be settled after': async ({ world, channel, queues, drain }) => {
    await queues({ a: {} });
    const [publisher, consumer] = [await channel(), await channel(2)];
    for (const id of ['1', '2', '3']) await send(publisher, 'a', id);
    const inbox = await inboxOf(consumer, 'a');
    const [first, second] = await inbox.first(2);
    await consumer.cancel();
    await consumer.cancel();
    assert.ok(first && second);
    consumer.ack(first);
    await send(publisher, 'a', '4');
    await eventually('the two that were not delivered are ready', async () => (await world.ready('a')) === 2);
    assert.equal(inbox.deliveries.length, 2);
    consumer.nack(second, { requeue: true });
    await eventually('the second is back', async () => (await world.ready('a')) === 3);
    assert.deepEqual(ids(await drain('a')), world.version === '3.10' ? ['3', '4', '2'] : ['2', '3', '4']);
    assert.equal(consumer.ended.aborted, false);
  },

  'after cancel a channel can consume again': async ({ channel, queues }) => {
    await queues({ a: {}, b: {} });
    const consumer = await channel(1);
    await consumer.consume('a', () => assert.fail('nothing was published there'));
    await assert.rejects(
      consumer.consume('b', () => {}),
      /at most one consumer/,
    );
    await consumer.cancel();
    const inbox = await inboxOf(consumer, 'b');
    await send(consumer, 'b', '1');
    assert.deepEqual(ids(await inbox.first(1)), ['1']);
  },

  'what is ready is counted, and what somebody holds is not': async ({ channel, queues }) => {
    await queues({ a: {} });
    const [publisher, consumer] = [await channel(), await channel(2)];
    assert.equal(await publisher.ready('a'), 0);
    for (const id of ['1', '2', '3', '4', '5']) await send(publisher, 'a', id);
    assert.equal(await publisher.ready('a'), 5);
    await (await inboxOf(consumer, 'a')).first(2);
    assert.equal(await consumer.ready('a'), 3);
    await consumer.close();
    await eventually('they are back', async () => (await publisher.ready('a')) === 5);
  },

  'a queue that is not there has no count, and the channel that asks for it ends': async ({ channel }) => {
    const asking = await channel();
    const ended = endOf(asking);
    assert.equal(await asking.ready('nowhere'), undefined);
    assert.equal(await ended, 'ChannelError');
    await assert.rejects(asking.ready('nowhere'), brokerError('ChannelClosed'));
  },

  'channels that each take a part and settle nothing see a queue in order, and leave it so when one is back before the next is closed':
    async ({ world, channel, queues, drain }) => {
      await queues({ a: { 'x-delivery-limit': 1_000_000 } });
      const publisher = await channel();
      const sent = Array.from({ length: 50 }, (_, index) => String(index));
      await Promise.all(sent.map((id) => send(publisher, 'a', id)));
      for (const _look of [1, 2, 3]) {
        const seen: (string | undefined)[] = [];
        const looking: Channel[] = [];
        for (const count of [20, 20, 10]) {
          const consumer = await channel(20);
          looking.push(consumer);
          seen.push(...ids(await (await inboxOf(consumer, 'a')).first(count)));
          await consumer.cancel();
        }
        assert.deepEqual(seen, sent);
        let back = 0;
        for (const [index, consumer] of looking.entries()) {
          await consumer.close();
          back += [20, 20, 10][index] ?? 0;
          await eventually('they are back', async () => (await world.ready('a')) === back);
        }
      }
      assert.deepEqual(ids(await drain('a')), sent);
    },

  'a delivery can be settled on its own channel alone': async ({ world, channel, queues }) => {
    await queues({ a: {} });
    const [consumer, other] = [await channel(), await channel()];
    await send(other, 'a', '1');
    const [delivery] = await (await inboxOf(consumer, 'a')).first(1);
    assert.ok(delivery);
    assert.throws(() => other.ack(delivery), brokerError('NotMine'));
    assert.throws(() => other.nack(delivery, { requeue: true }), brokerError('NotMine'));
    assert.throws(() => other.reject(delivery, { requeue: false }), brokerError('NotMine'));
    consumer.ack(delivery);
    assert.throws(() => consumer.ack(delivery), brokerError('NotMine'));
    await eventually('the queue is empty', async () => (await world.total('a')) === 0);
    assert.deepEqual([consumer.ended.aborted, other.ended.aborted], [false, false]);
  },

  'after the end nothing can be settled, and all of it comes back': async ({ channel, queues, drain, world }) => {
    await queues({ a: {} });
    const [consumer, other] = [await channel(), await channel()];
    for (const id of ['1', '2']) await send(other, 'a', id);
    const [first, second] = await (await inboxOf(consumer, 'a')).first(2);
    assert.ok(first && second);
    consumer.ack(first);
    await consumer.close();
    await consumer.close();
    assert.equal(await endOf(consumer), 'Closed');
    assert.throws(() => consumer.ack(second), brokerError('ChannelClosed'));
    assert.throws(() => consumer.nack(second, { requeue: true }), brokerError('ChannelClosed'));
    await assert.rejects(consumer.get('a'), brokerError('ChannelClosed'));
    await eventually('the second is back', async () => (await world.ready('a')) === 1);
    assert.deepEqual(
      (await drain('a')).map(({ messageId, redelivered }) => [messageId, redelivered]),
      [['2', true]],
    );
  },

  'a missing queue ends the channel of whoever consumes or gets': async ({ channel }) => {
    const [consumer, getter] = [await channel(), await channel()];
    await assert.rejects(
      consumer.consume('missing', () => {}),
      brokerError('ChannelClosed'),
    );
    await assert.rejects(getter.get('missing'), brokerError('ChannelClosed'));
    assert.deepEqual([await endOf(consumer), await endOf(getter)], ['ChannelError', 'ChannelError']);
  },

  'a queue that is deleted under its consumer ends the channel, and what it holds of others comes back': async ({
    world,
    channel,
    queues,
    drain,
  }) => {
    await queues({ a: {}, b: {} });
    const [consumer, other] = [await channel(), await channel()];
    for (const key of ['a', 'b']) await send(other, key, key);
    assert.ok(await consumer.get('b'));
    await (await inboxOf(consumer, 'a')).first(1);
    await world.deleteQueue('a');
    assert.equal(await endOf(consumer), 'ConsumerCancelled');
    await eventually('what it held of the other queue is back', async () => (await world.ready('b')) === 1);
    // A queue of the same name has neither the messages nor the bindings.
    const queue = { name: 'a', role: 'work', arguments: { 'x-queue-type': 'quorum' } } as const;
    await world.admin.apply({ do: 'declare-queue', queue }, signal());
    assert.equal(await send(other, 'a', '2'), 'unroutable');
    assert.deepEqual(await drain('a'), []);
  },

  'a queue that is deleted after cancel leaves the channel open': async ({ world, channel, queues }) => {
    await queues({ a: {}, b: {} });
    const consumer = await channel();
    await send(consumer, 'a', '1');
    const [delivery] = await (await inboxOf(consumer, 'a')).first(1);
    assert.ok(delivery);
    await consumer.cancel();
    await world.deleteQueue('a');
    consumer.ack(delivery);
    assert.equal(await send(consumer, 'b', '2'), 'confirmed');
    assert.equal(consumer.ended.aborted, false);
  },

  'get takes one message or none': async ({ channel, queues }) => {
    await queues({ a: {} });
    const looker = await channel();
    assert.equal(await looker.get('a'), undefined);
    await send(looker, 'a', '1');
    const delivery = await looker.get('a');
    assert.equal(delivery?.messageId, '1');
    assert.equal(await looker.get('a'), undefined);
  },
};
