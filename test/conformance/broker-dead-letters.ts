import assert from 'node:assert/strict';
import type { HeaderValue } from '../../src/api/message.ts';
import { eventually } from '../support/eventually.ts';
import type { BrokerCases } from './broker-suite.ts';
import { deadLetterTo, ids, send } from './broker-world.ts';

const TTL_MS = 300;
const tier = (key: string) => ({ 'x-message-ttl': TTL_MS, ...deadLetterTo(key) });

/** The dead-letter header without its times. */
const deaths = (header: HeaderValue | undefined): unknown =>
  Array.isArray(header)
    ? header.map((death: HeaderValue) => {
        const { time, ...rest } = death as Readonly<Record<string, HeaderValue>>;
        assert.equal(typeof time, 'number');
        return rest;
      })
    : header;

/** How messages leave a queue for another. */
export const deadLetterCases: BrokerCases = {
  'a rejected message goes to the dead-letter queue, with its history': async ({ channel, queues, world }) => {
    await queues({ a: deadLetterTo('dead'), dead: {} });
    const worker = await channel();
    await send(worker, 'a', '1', { contentType: 'application/json', timestamp: 5, headers: { 'ea-attempt': 2 } });
    const delivery = await worker.get('a');
    assert.ok(delivery);
    worker.nack(delivery, { requeue: false });
    const dead = await eventually('the dead letter', () => worker.get('dead'));
    const { 'x-death': history, 'x-delivery-count': _, ...others } = dead.headers;
    assert.deepEqual(deaths(history), [{ count: 1, reason: 'rejected', queue: 'a', exchange: 'x', 'routing-keys': ['a'] }]);
    const where = (which: string) => ({
      [`x-${which}-death-exchange`]: 'x',
      [`x-${which}-death-queue`]: 'a',
      [`x-${which}-death-reason`]: 'rejected',
    });
    assert.deepEqual(others, { 'ea-attempt': 2, ...where('first'), ...(world.version === '3.10' ? {} : where('last')) });
    assert.deepEqual(
      [dead.messageId, dead.contentType, dead.timestamp, dead.exchange, dead.routingKey, String(dead.body)],
      ['1', 'application/json', 5, 'x', 'dead', '1'],
    );
  },

  'a message moves on when its time in a tier is over': async ({ channel, queues }) => {
    await queues({ a: {}, tier: tier('a') });
    const worker = await channel();
    const before = Date.now();
    await send(worker, 'tier', '1');
    const delivery = await eventually('the message', () => worker.get('a'));
    assert.ok(Date.now() - before >= TTL_MS);
    assert.deepEqual([delivery.messageId, delivery.redelivered, delivery.headers['x-first-death-reason']], ['1', false, 'expired']);
  },

  'the time to live acts at the head of a queue alone': async ({ channel, queues, world, bind }) => {
    // The first message is taken and given back: the second, behind it, is past its time while the first is in hand.
    await queues({ a: {}, tier: tier('a') });
    await bind('x', 'tier', 'any');
    const worker = await channel();
    await send(worker, 'tier', '1');
    const first = await worker.get('tier');
    assert.ok(first);
    await send(worker, 'tier', '2');
    await eventually('the second has gone', async () => (await world.ready('a')) === 1);
    // Delivered messages do not expire; the first does as soon as it is back.
    assert.equal(await world.ready('tier'), 0);
    worker.nack(first, { requeue: true });
    await eventually('the first has gone too', async () => (await world.ready('a')) === 2);
    assert.deepEqual(ids([await worker.get('a'), await worker.get('a')].filter((delivery) => delivery !== undefined)), ['2', '1']);
  },

  'what expires into a full queue is held, and arrives when there is room': async ({ channel, queues, world, drain }) => {
    await queues({ a: { 'x-max-length': 1, 'x-overflow': 'reject-publish' }, tier: tier('a') });
    const worker = await channel();
    await send(worker, 'a', '1');
    await send(worker, 'a', '2');
    assert.equal(await send(worker, 'a', 'no'), 'refused');
    await send(worker, 'tier', 'late');
    await eventually('it has left the tier', async () => (await world.ready('tier')) === 0);
    await eventually('it is held', async () => (await world.total('tier')) === 1);
    assert.deepEqual(ids(await drain('a')), ['1', '2']);
    const late = await eventually('the held message', () => worker.get('a'));
    assert.equal(late.messageId, 'late');
    await eventually('nothing is held', async () => (await world.total('tier')) === 0);
  },

  'what expires towards a missing queue is held, and arrives when it is there': async ({ channel, queues, world }) => {
    await queues({ tier: tier('a') });
    const worker = await channel();
    await send(worker, 'tier', '1');
    await eventually('it has left the tier', async () => (await world.ready('tier')) === 0);
    await eventually('it is held', async () => (await world.total('tier')) === 1);
    await queues({ a: {} });
    assert.equal((await eventually('the held message', () => worker.get('a'))).messageId, '1');
  },

  'without a dead-letter exchange a message that is given up is gone': async ({ channel, queues, world }) => {
    await queues({ a: { 'x-delivery-limit': 0 }, tier: { 'x-message-ttl': TTL_MS } });
    const worker = await channel();
    for (const id of ['1', '2']) await send(worker, 'a', id);
    await send(worker, 'tier', '3');
    const [first, second] = [await worker.get('a'), await worker.get('a')];
    assert.ok(first && second);
    worker.reject(first, { requeue: false });
    worker.reject(second, { requeue: true });
    await eventually('both queues are empty', async () => (await world.total('a')) + (await world.total('tier')) === 0);
  },

  'each death is told, the latest first, and the first stays known': async ({ channel, queues, world }) => {
    await queues({ a: deadLetterTo('dead'), dead: {}, tier: tier('a') });
    const worker = await channel();
    await send(worker, 'tier', '1');
    const delivery = await eventually('the message', () => worker.get('a'));
    worker.reject(delivery, { requeue: false });
    const { headers } = await eventually('the dead letter', () => worker.get('dead'));
    assert.deepEqual(deaths(headers['x-death']), [
      { count: 1, reason: 'rejected', queue: 'a', exchange: 'x', 'routing-keys': ['a'] },
      { count: 1, reason: 'expired', queue: 'tier', exchange: 'x', 'routing-keys': ['tier'] },
    ]);
    const last = world.version === '3.10' ? undefined : 'rejected';
    assert.deepEqual([headers['x-first-death-reason'], headers['x-last-death-reason']], ['expired', last]);
  },

  'a dead letter brings its failed deliveries along since 4.0': async ({ channel, queues, world }) => {
    await queues({ a: { 'x-delivery-limit': 1, ...deadLetterTo('dead') }, dead: {} });
    await send(await channel(), 'a', '1');
    for (let looks = 1; looks <= 2; looks++) {
      const looker = await channel();
      assert.ok(await looker.get('a'));
      await looker.close();
      await eventually('the message is somewhere', async () => (await world.ready('a')) + (await world.ready('dead')) === 1);
    }
    const dead = await (await channel()).get('dead');
    const { 'x-delivery-count': count, 'x-acquired-count': acquired } = dead?.headers ?? {};
    const expected = { '3.10': [false, 0, undefined], '4.0': [true, 2, undefined], '4.3': [true, 2, 2] }[world.version];
    assert.deepEqual([dead?.redelivered, count, acquired], expected);
  },
};
