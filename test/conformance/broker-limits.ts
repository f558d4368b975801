import assert from 'node:assert/strict';
import type { Channel, Delivery } from '../../src/broker/port.ts';
import { eventually } from '../support/eventually.ts';
import type { BrokerCases } from './broker-suite.ts';
import { type Desk, deadLetterTo, ids, send } from './broker-world.ts';

const LIMIT = 3;

/** Gives one message back as often as it comes; how often that was, the last time included, up to `most`. */
async function deliveriesUntilDead(
  desk: Desk,
  giveBack: (channel: Channel, delivery: Delivery) => Promise<void> | void,
  most = 12,
): Promise<number> {
  await desk.queues({ a: { 'x-delivery-limit': LIMIT, ...deadLetterTo('dead') }, dead: { 'x-delivery-limit': 1_000_000 } });
  await send(await desk.channel(), 'a', '1');
  for (let deliveries = 1; deliveries <= most; deliveries++) {
    const channel = await desk.channel();
    const delivery = await channel.get('a');
    assert.ok(delivery, `no delivery ${deliveries}`);
    assert.equal(delivery.redelivered, deliveries > 1);
    await giveBack(channel, delivery);
    await eventually('the message is somewhere', async () => (await desk.world.ready('a')) + (await desk.world.ready('dead')) === 1);
    await channel.close();
    if ((await desk.world.ready('dead')) === 1) return deliveries;
  }
  return Number.POSITIVE_INFINITY;
}

/** A limit of N means N + 1 deliveries, each of which counts on every version, except a nack on 4.3. */
export const limitCases: BrokerCases = {
  'a nack counts against the delivery limit, except on 4.3': async (desk) => {
    const deliveries = await deliveriesUntilDead(desk, (channel, delivery) => channel.nack(delivery, { requeue: true }));
    assert.equal(deliveries, desk.world.version === '4.3' ? Number.POSITIVE_INFINITY : LIMIT + 1);
  },

  'a reject counts against the delivery limit': async (desk) => {
    assert.equal(await deliveriesUntilDead(desk, (channel, delivery) => channel.reject(delivery, { requeue: true })), LIMIT + 1);
  },

  'a closed channel counts against the delivery limit': async (desk) => {
    assert.equal(await deliveriesUntilDead(desk, (channel) => channel.close()), LIMIT + 1);
  },

  'a lost connection counts against the delivery limit': async (desk) => {
    assert.equal(await deliveriesUntilDead(desk, () => desk.world.cut()), LIMIT + 1);
  },

  'forty looks at a dead letter lose nothing where the limit is a million': async ({ channel, queues, world, drain }) => {
    await queues({ dead: { 'x-delivery-limit': 1_000_000 } });
    const publisher = await channel();
    await send(publisher, 'dead', '1');
    await send(publisher, 'dead', '2');
    for (let looks = 0; looks < 40; looks++) {
      const looker = await channel();
      assert.deepEqual(ids([await looker.get('dead'), await looker.get('dead')].filter((delivery) => delivery !== undefined)), ['1', '2']);
      await looker.close();
      await eventually('both are back', async () => (await world.ready('dead')) === 2);
    }
    assert.deepEqual(ids(await drain('dead')), ['1', '2']);
  },

  'what comes back is delivered before what is new': async ({ channel, queues, drain, world }) => {
    await queues({ a: { 'x-delivery-limit': 10 } });
    const worker = await channel();
    for (const id of ['1', '2', '3']) await send(worker, 'a', id);
    const [first, second] = [await worker.get('a'), await worker.get('a')];
    assert.ok(first && second);
    worker.nack(second, { requeue: true });
    worker.reject(first, { requeue: true });
    await eventually('all are back', async () => (await world.ready('a')) === 3);
    assert.deepEqual(ids(await drain('a')), ['2', '1', '3']);
  },

  'a limit below nothing is none since 4.0, and the worst of all on 3.10': async ({ channel, queues, drain, world }) => {
    await queues({ a: { 'x-delivery-limit': -1 } });
    const worker = await channel();
    for (const id of ['1', '2', '3']) await send(worker, 'a', id);
    const first = await worker.get('a');
    assert.ok(first);
    worker.nack(first, { requeue: true });
    const expected = { '3.10': ['2', '3'], '4.0': ['2', '3', '1'], '4.3': ['1', '2', '3'] }[world.version];
    await eventually('all are back', async () => (await world.ready('a')) === expected.length);
    assert.deepEqual(ids(await drain('a')), expected);
  },
};
