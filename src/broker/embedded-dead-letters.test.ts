import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTo, embeddedTable, full, never } from '../../test/support/embedded-table.ts';
import type { Delivery } from './port.ts';

test('a move that is refused is held, and tried again every 180 s by the clock', async () => {
  const { clock, broker, queue, open, finish, at, send } = await embeddedTable();
  await queue('a', full);
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
  const channel = await open();
  await finish(send(channel, 'a', 'first'));
  await finish(send(channel, 'tier', 'late'));
  await clock.advance(1000);
  assert.deepEqual([broker.counts('tier'), at('tier')], [{ ready: 0, unacked: 0, held: 1, total: 1 }, ['late held']]);
  const delivery = await finish(channel.get('a'));
  assert.ok(delivery);
  channel.ack(delivery);
  await clock.advance(179_999);
  assert.deepEqual([at('tier'), at('a')], [['late held'], []]);
  await clock.advance(1);
  assert.deepEqual([at('tier'), at('a')], [[], ['late ready']]);
  await clock.runUntilIdle();
  assert.equal(clock.pending, 0);
});

test('no more than 32 moves are under way; the others wait behind them', async () => {
  for (const [held, overtakes] of [
    [31, true],
    [32, false],
  ] as const) {
    const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
    await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
    const channel = await open();
    for (let sent = 1; sent <= held; sent++) await finish(send(channel, 'tier', `${sent}`));
    await clock.advance(1000);
    assert.equal(broker.counts('tier')?.held, held);
    await queue('a');
    await finish(send(channel, 'tier', 'last'));
    await clock.advance(1000);
    assert.deepEqual(at('a'), overtakes ? ['last ready'] : []);
    await clock.advance(180_000);
    assert.deepEqual([broker.counts('tier')?.total, broker.counts('a')?.ready], [0, held + 1]);
  }
});

test('dead letters that are held count towards the length of their queue', async () => {
  const { clock, queue, open, finish, send } = await embeddedTable();
  await queue('tier', { 'x-message-ttl': 1000, 'x-max-length': 1, ...deadLetterTo('missing') });
  const channel = await open();
  for (const id of ['1', '2']) assert.equal(await finish(send(channel, 'tier', id)), 'confirmed');
  await clock.advance(5000);
  assert.equal(await finish(send(channel, 'tier', '3')), 'refused');
});

test('a message whose time is 0 reaches a consumer that waits for it, and nobody else', async () => {
  const { clock, queue, open, finish, send, at } = await embeddedTable();
  await queue('a', { 'x-message-ttl': 0 });
  const channel = await open();
  await finish(send(channel, 'a', 'early'));
  await clock.advance(1);
  const seen: unknown[] = [];
  await finish(channel.consume('a', (delivery) => seen.push(delivery.messageId)));
  await finish(send(channel, 'a', 'just in time'));
  await clock.advance(1);
  assert.deepEqual([seen, at('a')], [['just in time'], ['just in time unacked']]);
});

test('a restart forgets who was kept out of a full queue', async () => {
  const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
  await queue('a', { 'x-max-length': 5, 'x-overflow': 'reject-publish' });
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
  const channel = await open();
  await finish(send(channel, 'tier', 'first'));
  await clock.advance(1000);
  for (let sent = 1; sent <= 5; sent++) await finish(send(channel, 'a', `${sent}`));
  await finish(send(channel, 'tier', 'held'));
  await clock.advance(1000);
  channel.ack((await finish(channel.get('a'))) as Delivery);
  await clock.advance(400_000);
  // Five are left: not too many for somebody new, and still too many for who was kept out.
  assert.deepEqual([at('tier'), at('a').length], [['held held'], 5]);
  broker.restart();
  await clock.advance(0);
  assert.deepEqual([at('tier'), at('a').length], [[], 6]);
});

test('a broker that restarts between storing a dead letter and letting go of it stores it twice', async () => {
  const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
  await queue('a');
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
  await finish(send(await open(), 'tier', '1'));
  await clock.runUntil(() => at('a').length === 1, 1000);
  assert.deepEqual(at('tier'), ['1 held']);
  broker.restart();
  await clock.advance(0);
  assert.deepEqual([at('tier'), at('a')], [[], ['1 ready', '1 ready']]);
});

test('at most once means that a full target, a missing one and a restart lose the message', async () => {
  const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
  const tier = (key: string) => ({ 'x-message-ttl': 1000, 'x-dead-letter-exchange': 'x', 'x-dead-letter-routing-key': key });
  await queue('a', full);
  await queue('b');
  for (const [name, key] of [
    ['into-full', 'a'],
    ['into-nothing', 'missing'],
    ['at-restart', 'b'],
  ] as const)
    await queue(name, tier(key));
  const channel = await open();
  await finish(send(channel, 'a', 'first'));
  for (const key of ['into-full', 'into-nothing', 'at-restart']) await finish(send(channel, key, key));
  await clock.runUntil(() => at('at-restart').length === 0, 1000);
  broker.restart();
  await clock.advance(1000);
  assert.deepEqual(
    ['a', 'b', 'into-full', 'into-nothing', 'at-restart'].map((name) => at(name)),
    [['first ready'], [], [], [], []],
  );
});

test('a dead letter that would go round in a circle is held', async () => {
  const { clock, queue, open, finish, send, at } = await embeddedTable();
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('tier') });
  await finish(send(await open(), 'tier', '1'));
  await clock.advance(600_000);
  assert.deepEqual(at('tier'), ['1 held']);
});

test('a dead letter for two queues of which one is full reaches the other once', async () => {
  const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
  await queue('a', full);
  await queue('b');
  await finish(broker.admin.apply({ do: 'bind', binding: { source: 'x', queue: 'b', routingKey: 'a' } }, never));
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
  const channel = await open();
  await finish(send(channel, 'a', 'first'));
  await finish(send(channel, 'tier', 'late'));
  await clock.advance(400_000);
  assert.deepEqual([at('a'), at('b'), at('tier')], [['first ready'], ['first ready', 'late ready'], ['late held']]);
  channel.ack((await finish(channel.get('a'))) as Delivery);
  await clock.advance(200_000);
  assert.deepEqual([at('a'), at('b'), at('tier')], [['late ready'], ['first ready', 'late ready'], []]);
});

test('a delivery that is settled without requeue counts as failed, as its version counts', async () => {
  const counted: unknown[] = [];
  for (const profile of ['3.10', '4.0', '4.3'] as const) {
    for (const how of ['nack', 'reject'] as const) {
      const { clock, queue, open, finish, send } = await embeddedTable({ profile });
      await queue('a', deadLetterTo('dead'));
      await queue('dead');
      const channel = await open();
      await finish(send(channel, 'a', '1'));
      const delivery = (await finish(channel.get('a'))) as Delivery;
      channel[how](delivery, { requeue: false });
      await clock.advance(0);
      counted.push([profile, how, (await finish(channel.get('dead')))?.headers['x-delivery-count']]);
    }
  }
  assert.deepEqual(counted, [
    ['3.10', 'nack', 0],
    ['3.10', 'reject', 0],
    ['4.0', 'nack', 1],
    ['4.0', 'reject', 1],
    ['4.3', 'nack', undefined],
    ['4.3', 'reject', 1],
  ]);
});

test('with a queue go the messages that it holds, and the times that it waits for', async () => {
  const { clock, broker, queue, open, finish, send, at } = await embeddedTable();
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
  const channel = await open();
  await finish(send(channel, 'tier', 'held'));
  await clock.advance(1000);
  await finish(send(channel, 'tier', 'waiting'));
  assert.deepEqual(at('tier'), ['waiting ready', 'held held']);
  broker.deleteQueue('tier');
  assert.equal(clock.pending, 0);
  await queue('a');
  await clock.advance(200_000);
  assert.deepEqual(at('a'), []);
});
