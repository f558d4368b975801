import assert from 'node:assert/strict';
import { BrokerError, type PublishOutcome } from '../../src/broker/port.ts';
import { eventually } from '../support/eventually.ts';
import type { BrokerCases } from './broker-suite.ts';
import { endOf, ids, inboxOf, send, signal } from './broker-world.ts';

/** What survives when something fails. */
export const faultCases: BrokerCases = {
  'what is unsettled when the connection is cut comes back, as redelivered': async ({ world, channel, queues, connection }) => {
    await queues({ a: {} });
    const consumer = await channel(2);
    for (const id of ['1', '2', '3']) await send(consumer, 'a', id);
    const [first, second] = await (await inboxOf(consumer, 'a')).first(2);
    await world.cut();
    assert.equal(await endOf(consumer), 'ConnectionLost');
    assert.ok(first && second);
    assert.throws(() => consumer.ack(first), { code: 'ChannelClosed' });
    await eventually('all three are ready', async () => (await world.ready('a')) === 3);
    const inbox = await inboxOf(await connection.openChannel({ prefetch: 10 }, signal()), 'a');
    const again = (await inbox.first(3)).map(({ messageId, redelivered }) => [messageId, redelivered]);
    assert.deepEqual(again, [
      ['1', true],
      ['2', true],
      ['3', false],
    ]);
    assert.deepEqual(connection.state(), { connected: true, blocked: false });
  },

  'what is under way when the connection is cut is unknown, and what was confirmed is there': async ({ world, channel, queues, drain }) => {
    await queues({ a: {} });
    const publisher = await channel();
    assert.equal(await send(publisher, 'a', 'before'), 'confirmed');
    const underWay = ['1', '2', '3'].map((id) => send(publisher, 'a', id));
    const cut = world.cut();
    const confirmed: string[] = [];
    for (const [index, result] of (await Promise.allSettled(underWay)).entries()) {
      if (result.status === 'fulfilled') {
        assert.equal(result.value, 'confirmed');
        confirmed.push(`${index + 1}`);
      } else assert.equal(result.reason.code, 'ChannelClosed');
    }
    await cut;
    await assert.rejects(send(publisher, 'a', 'late'), { code: 'ChannelClosed' });
    const stored = ids(await drain('a'));
    for (const id of ['before', ...confirmed]) assert.equal(stored.filter((other) => other === id).length, 1, id);
  },

  'a broker that restarts keeps its messages, and the connection comes back by itself': async ({ world, channel, queues, connection }) => {
    await queues({ a: {}, b: {} });
    const consumer = await channel(1);
    for (const id of ['1', '2', '3']) await send(consumer, 'a', id);
    const [held] = await (await inboxOf(consumer, 'a')).first(1);
    await world.restart();
    assert.equal(await endOf(consumer), 'ConnectionLost');
    const after = await connection.openChannel({ prefetch: 10 }, signal());
    await eventually('the queue is back', async () => (await world.ready('a')) === 3);
    const inbox = await inboxOf(after, 'a');
    const deliveries = await inbox.first(3);
    assert.deepEqual(ids(deliveries), ['1', '2', '3']);
    assert.deepEqual(
      deliveries.map(({ redelivered }) => redelivered),
      [held !== undefined, false, false],
    );
    for (const delivery of deliveries) after.ack(delivery);
    assert.equal(await send(after, 'b', '4'), 'confirmed');
    await eventually('all are settled', async () => (await world.total('a')) === 0);
  },

  'under an alarm a publication hangs, further ones are refused unsent, and it is stored in the end': async ({
    world,
    channel,
    queues,
    connection,
    drain,
  }) => {
    await queues({ a: {} });
    const publisher = await channel();
    await send(publisher, 'a', '1');
    await world.setAlarm(true);
    let outcome: PublishOutcome | undefined;
    const hanging = send(publisher, 'a', '2').then((result) => {
      outcome = result;
    });
    await eventually('the connection knows that it is blocked', async () => connection.state().blocked);
    await assert.rejects(send(publisher, 'a', '3'), (error: unknown) => error instanceof BrokerError && error.code === 'Blocked');
    assert.deepEqual([outcome, connection.state()], [undefined, { connected: true, blocked: true }]);
    await world.setAlarm(false);
    await hanging;
    assert.equal(outcome, 'confirmed');
    await eventually('the connection knows that it is not', async () => !connection.state().blocked);
    assert.equal(await send(publisher, 'a', '4'), 'confirmed');
    assert.deepEqual(ids(await drain('a')), ['1', '2', '4']);
  },

  'a channel cannot be had in time while there is no connection': async ({ world }) => {
    const connection = world.connect();
    await connection.close();
    await connection.close();
    assert.deepEqual(connection.state(), { connected: false, blocked: false });
    await assert.rejects(connection.openChannel({ prefetch: 1 }, signal()), { code: 'Unreachable' });
    await assert.rejects(world.connect().openChannel({ prefetch: 1 }, AbortSignal.abort()), { code: 'Unreachable' });
  },

  'closing a connection closes its channels, and what they hold comes back': async ({ world, queues, channel }) => {
    await queues({ a: {} });
    await send(await channel(), 'a', '1');
    const connection = world.connect();
    const consumer = await connection.openChannel({ prefetch: 1 }, signal());
    await (await inboxOf(consumer, 'a')).first(1);
    await connection.close();
    assert.equal(await endOf(consumer), 'Closed');
    await eventually('the message is back', async () => (await world.ready('a')) === 1);
  },
};
