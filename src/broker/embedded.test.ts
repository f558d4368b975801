import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embeddedTable, never } from '../../test/support/embedded-table.ts';
import type { Channel, ChannelEnd, Delivery } from './port.ts';

// What every broker does is in the conformance suite; here is what only this one can show, since its time stands still.

const endOf = (channel: Channel) => (channel.ended.aborted ? (channel.ended.reason as ChannelEnd).code : 'open');

test('what is sent arrives a turn later, and its answer another turn later', async () => {
  const { clock, queue, open, send, at } = await embeddedTable();
  await queue('a');
  const channel = await open();
  let outcome = 'under way';
  void send(channel, 'a', '1').then((result) => {
    outcome = result;
  });
  const timeline: unknown[] = [];
  for (let turn = 0; turn < 3; turn++) {
    timeline.push([outcome, at('a')]);
    let turned = false;
    clock.timer(0, () => {
      turned = true;
    });
    await clock.runUntil(() => turned, 1);
  }
  assert.deepEqual(timeline, [
    ['under way', []],
    ['under way', ['1 ready']],
    ['confirmed', ['1 ready']],
  ]);
});

test('a connection that is cut takes what is on the way with it, in both directions', async () => {
  const { clock, broker, queue, open, send, at, finish } = await embeddedTable();
  await queue('a');
  const channel = await open();
  const lost = assert.rejects(send(channel, 'a', 'never arrived'), { code: 'ChannelClosed' });
  broker.dropConnections();
  await finish(lost);
  assert.deepEqual(at('a'), []);

  const second = await open();
  const unheard = assert.rejects(send(second, 'a', 'stored'), { code: 'ChannelClosed' });
  await clock.runUntil(() => at('a').length === 1, 1);
  broker.dropConnections();
  await finish(unheard);
  assert.deepEqual(at('a'), ['stored ready']);

  const third = await open();
  const delivery = await finish(third.get('a'));
  assert.ok(delivery);
  third.ack(delivery);
  broker.dropConnections();
  await clock.advance(1000);
  assert.deepEqual([at('a'), endOf(third)], [['stored ready'], 'ConnectionLost']);
});

test('a channel takes a turn to open, and one that is lost meanwhile is opened again', async () => {
  const { clock, broker, queue, connection, finish, send } = await embeddedTable();
  await queue('a');
  const opening = connection.openChannel({ prefetch: 1 }, never);
  await Promise.resolve();
  broker.dropConnections();
  const channel = await finish(opening);
  assert.deepEqual([endOf(channel), await finish(send(channel, 'a', '1'))], ['open', 'confirmed']);
  const before = clock.pending;
  const late = connection.openChannel({ prefetch: 1 }, AbortSignal.abort());
  await assert.rejects(finish(late), { code: 'Unreachable' });
  await clock.advance(10_000);
  assert.equal(clock.pending, before);
});

test('while only the broker knows that a connection is gone, two hold the same message', async () => {
  const { clock, broker, queue, open, send, connection, finish } = await embeddedTable();
  await queue('a');
  const [first, other] = [await open(), broker.connect()];
  await finish(send(first, 'a', '1'));
  const seen: string[] = [];
  await finish(first.consume('a', (delivery) => seen.push(`first ${delivery.redelivered}`)));
  await clock.advance(0);
  const second = await open(other);
  await finish(second.consume('a', (delivery) => seen.push(`second ${delivery.redelivered}`)));
  broker.dropConnections({ clientNoticesMs: 30_000 });
  await clock.advance(1000);
  const waiting = connection.openChannel({ prefetch: 1 }, AbortSignal.abort());
  await assert.rejects(waiting, { code: 'Unreachable' });
  assert.deepEqual([endOf(first), connection.state().connected, broker.counts('a')?.ready], ['open', true, 1]);
  await clock.advance(30_000);
  assert.deepEqual(
    [endOf(first), endOf(second), connection.state().connected, seen],
    ['ConnectionLost', 'ConnectionLost', true, ['first false']],
  );
});

test('while only the client knows, its messages stay with it', async () => {
  const { clock, broker, queue, open, send, finish, at } = await embeddedTable();
  await queue('a');
  const channel = await open();
  await finish(send(channel, 'a', '1'));
  await finish(channel.get('a'));
  broker.dropConnections({ brokerNoticesMs: 60_000 });
  await clock.advance(59_999);
  assert.deepEqual([endOf(channel), at('a')], ['ConnectionLost', ['1 unacked']]);
  await clock.advance(1);
  assert.deepEqual(at('a'), ['1 ready']);
});

test('an alarm stops the acknowledgements of a connection that publishes, and nobody else', async () => {
  const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
  for (const name of ['a', 'b', 'c']) await queue(name);
  const [publisher, beside, silent] = [await open(), await open(), await open(broker.connect())];
  for (const key of ['a', 'b', 'c']) await finish(send(publisher, key, key));
  const held = [await finish(publisher.get('a')), await finish(beside.get('b')), await finish(silent.get('c'))];
  broker.setBlocked(true);
  const hanging = send(publisher, 'a', '2');
  await clock.advance(0);
  for (const [index, channel] of [publisher, beside, silent].entries()) channel.ack(held[index] as Delivery);
  await clock.advance(60_000);
  assert.deepEqual([at('a'), at('b'), at('c')], [['a unacked'], ['b unacked'], []]);
  broker.setBlocked(false);
  assert.equal(await finish(hanging), 'confirmed');
  await clock.advance(0);
  assert.deepEqual([at('a'), at('b')], [['2 ready'], []]);
});

test('a blocked connection can be closed all the same, and what it held comes back', async () => {
  const { clock, broker, queue, open, finish, send, connection, at } = await embeddedTable();
  await queue('a');
  const channel = await open();
  await finish(send(channel, 'a', '1'));
  await finish(channel.get('a'));
  broker.setBlocked(true);
  const hanging = assert.rejects(send(channel, 'a', '2'), { code: 'ChannelClosed' });
  await clock.advance(0);
  await finish(connection.close());
  await hanging;
  assert.deepEqual([at('a'), connection.state(), clock.now()], [['1 ready'], { connected: false, blocked: false }, 5000]);
});

test('a broker that is down cannot be reached, and connections come back when it is up', async () => {
  const { clock, broker, open, connection, finish } = await embeddedTable();
  await open();
  broker.restart(10_000);
  await clock.advance(9_999);
  assert.equal(connection.state().connected, false);
  await assert.rejects(finish(broker.admin.observe(never)), { code: 'Unreachable' });
  await clock.advance(1000);
  assert.equal(connection.state().connected, true);
  await finish(broker.admin.observe(never));
});

test('looking has no effect, and a body is the one that was published', async () => {
  const { broker, queue, open, finish, at } = await embeddedTable();
  await queue('a');
  const channel = await open();
  const body = Buffer.from('{"a":1}');
  await finish(channel.publish({ exchange: 'x', routingKey: 'a', headers: { n: 1 }, body }));
  for (let looks = 0; looks < 30; looks++) assert.equal(broker.messages('a').length, 1);
  const delivery = await finish(channel.get('a'));
  assert.equal(delivery?.body, body);
  assert.deepEqual([delivery.redelivered, delivery.headers, at('a')], [false, { n: 1 }, ['undefined unacked']]);
  assert.deepEqual([broker.counts('missing'), broker.messages('missing')], [undefined, []]);
});
