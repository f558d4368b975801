import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import type { BrokerCases } from './broker-suite.ts';
import { EXCHANGE, endOf, ids, send } from './broker-world.ts';

const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };

/** The largest message that 4.x takes, and 1 MiB more. */
const OVERSIZED_BYTES = 17 * 1024 * 1024;

/** What becomes of a publication. */
export const publishingCases: BrokerCases = {
  'a routed message is confirmed, and there': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    assert.equal(await send(await channel(), 'a', '1'), 'confirmed');
    assert.deepEqual(ids(await drain('a')), ['1']);
  },

  'a message that no queue is bound for is unroutable, also among routed ones': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    const publisher = await channel();
    const outcomes = await Promise.all(['a', 'nowhere', 'a', 'nowhere', 'a'].map((key, index) => send(publisher, key, `${index}`)));
    assert.deepEqual(outcomes, ['confirmed', 'unroutable', 'confirmed', 'unroutable', 'confirmed']);
    assert.deepEqual(ids(await drain('a')), ['0', '2', '4']);
  },

  'a publish to a missing exchange ends the channel, its neighbours unknown': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    const [publisher, other] = [await channel(), await channel()];
    const neighbours = [
      send(publisher, 'a', 'before'),
      send(publisher, 'a', 'bad', { exchange: 'missing' }),
      send(publisher, 'a', 'after'),
    ];
    const [before, bad, after] = await Promise.allSettled(neighbours);
    assert.equal(await endOf(publisher), 'ChannelError');
    assert.ok(bad?.status === 'rejected' && bad.reason.code === 'ChannelClosed');
    assert.ok(after?.status === 'rejected' && after.reason.code === 'ChannelClosed');
    // The one before may have been confirmed in time; if not, nobody knows.
    assert.ok(before?.status === 'fulfilled' ? before.value === 'confirmed' : before?.reason.code === 'ChannelClosed');
    assert.equal(await send(other, 'a', 'elsewhere'), 'confirmed');
    const stored = ids(await drain('a'));
    assert.ok(!stored.includes('after') && stored.includes('elsewhere'), String(stored));
    if (before?.status === 'fulfilled') assert.ok(stored.includes('before'));
    await assert.rejects(send(publisher, 'a', 'late'), { code: 'ChannelClosed' });
  },

  'a full queue refuses, and takes again when there is room': async ({ channel, queues, drain }) => {
    await queues({ a: full });
    const publisher = await channel();
    // The limit is passed by one before the queue says so.
    assert.deepEqual(
      [await send(publisher, 'a', '1'), await send(publisher, 'a', '2'), await send(publisher, 'a', '3')],
      ['confirmed', 'confirmed', 'refused'],
    );
    assert.deepEqual(ids(await drain('a')), ['1', '2']);
    assert.equal(await sendUntilTaken(() => send(publisher, 'a', '4')), 'confirmed');
  },

  'a queue that was full takes again at four fifths of its limit': async ({ channel, queues, world }) => {
    await queues({ a: { 'x-max-length': 5, 'x-overflow': 'reject-publish' } });
    const publisher = await channel();
    for (let sent = 1; sent <= 6; sent++) assert.equal(await send(publisher, 'a', `${sent}`), 'confirmed');
    const takeOne = async (left: number) => {
      const delivery = await publisher.get('a');
      assert.ok(delivery);
      publisher.ack(delivery);
      await eventually(`${left} left`, async () => (await world.total('a')) === left);
      return await send(publisher, 'a', 'more');
    };
    assert.deepEqual([await send(publisher, 'a', '7'), await takeOne(5)], ['refused', 'refused']);
    // It says so a moment after there is room.
    const outcome = await takeOne(4);
    assert.ok(outcome === 'confirmed' || (await sendUntilTaken(() => send(publisher, 'a', 'more'))) === 'confirmed');
  },

  'one full queue refuses the whole fan-out, and its siblings have copies': async ({ channel, queues, bind, drain }) => {
    await queues({ a: full, b: {} });
    await bind(EXCHANGE, 'b', 'a');
    const publisher = await channel();
    const outcomes: string[] = [];
    for (const id of ['1', '2', '3', '4']) outcomes.push(await send(publisher, 'a', id));
    assert.deepEqual(outcomes, ['confirmed', 'confirmed', 'refused', 'refused']);
    assert.deepEqual(ids(await drain('a')), ['1', '2']);
    assert.deepEqual(ids(await drain('b')), ['1', '2', '3', '4']);
  },

  'an oversized message ends its own channel with what is under way, and no other': async ({ world, channel, queues, drain }) => {
    await queues({ a: {} });
    const [shared, other] = [await channel(), await channel()];
    const large = send(shared, 'a', 'large', { body: Buffer.alloc(OVERSIZED_BYTES) });
    const neighbour = send(shared, 'a', 'neighbour');
    const elsewhere = send(other, 'a', 'elsewhere');
    const [largeResult, neighbourResult] = await Promise.allSettled([large, neighbour]);
    assert.equal(await elsewhere, 'confirmed');
    const stored = ids(await drain('a'));
    if (world.version === '3.10') {
      assert.deepEqual(
        [largeResult, neighbourResult].map((result) => result.status === 'fulfilled' && result.value),
        ['confirmed', 'confirmed'],
      );
      assert.deepEqual(stored.toSorted(), ['elsewhere', 'large', 'neighbour']);
    } else {
      assert.equal(await endOf(shared), 'ChannelError');
      for (const result of [largeResult, neighbourResult])
        assert.ok(result.status === 'rejected' && result.reason.code === 'ChannelClosed');
      assert.deepEqual(stored, ['elsewhere']);
    }
  },

  'many publications are under way at a time, and arrive in their order': async ({ channel, queues, drain }) => {
    await queues({ a: {} });
    const publisher = await channel();
    const sent = Array.from({ length: 200 }, (_, index) => `${index}`);
    const outcomes = await Promise.all(sent.map((id) => send(publisher, 'a', id)));
    assert.deepEqual(new Set(outcomes), new Set(['confirmed']));
    assert.deepEqual(ids(await drain('a')), sent);
  },
};

/** A queue that was full says a moment after the room is there that it takes messages again. */
async function sendUntilTaken(publish: () => Promise<string>): Promise<string> {
  for (let tries = 0; tries < 100; tries++) if ((await publish()) === 'confirmed') return 'confirmed';
  return 'refused';
}
