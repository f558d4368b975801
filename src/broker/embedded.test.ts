import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock, type VirtualClock } from '../../test/support/virtual-clock.ts';
import { createEmbeddedBroker, type EmbeddedBroker, type EmbeddedBrokerOptions } from './embedded.ts';
import type { BrokerConnection, Channel, ChannelEnd, Delivery } from './port.ts';
import type { QueueArguments } from './topology.ts';

// What every broker does is in the conformance suite; here is what only this one can show, since its time stands still.

interface Table {
  readonly clock: VirtualClock;
  readonly broker: EmbeddedBroker;
  readonly connection: BrokerConnection;
  /** Waits for something that the broker does, with its clock moved as far as that takes. */
  finish<Result>(result: Promise<Result>): Promise<Result>;
  queue(name: string, args?: QueueArguments): Promise<void>;
  open(connection?: BrokerConnection, prefetch?: number): Promise<Channel>;
  send(channel: Channel, key: string, id: string): ReturnType<Channel['publish']>;
  /** Where each message is, by id. */
  at(queue: string): readonly string[];
}

const never = new AbortController().signal;
const deadLetterTo = (key: string): QueueArguments => ({
  'x-dead-letter-exchange': 'x',
  'x-dead-letter-routing-key': key,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});
const full = { 'x-max-length': 0, 'x-overflow': 'reject-publish' };
const endOf = (channel: Channel) => (channel.ended.aborted ? (channel.ended.reason as ChannelEnd).code : 'open');

async function table(options: EmbeddedBrokerOptions = {}): Promise<Table> {
  const clock = createVirtualClock(0);
  const broker = createEmbeddedBroker({ clock, profile: '4.3', ...options });
  const connection = broker.connect();
  const finish: Table['finish'] = async (result) => {
    let done = false;
    void result
      .catch(() => {})
      .finally(() => {
        done = true;
      });
    await clock.runUntil(() => done, 600_000);
    return await result;
  };
  await finish(broker.admin.apply({ do: 'declare-exchange', exchange: { name: 'x', type: 'direct' } }, never));
  return {
    clock,
    broker,
    connection,
    finish,
    async queue(name, args = {}) {
      const queue = { name, role: 'work' as const, arguments: { 'x-queue-type': 'quorum', ...args } };
      await finish(broker.admin.apply({ do: 'declare-queue', queue }, never));
      await finish(broker.admin.apply({ do: 'bind', binding: { source: 'x', queue: name, routingKey: name } }, never));
    },
    open: (from = connection, prefetch = 10) => finish(from.openChannel({ prefetch }, never)),
    send: (channel, routingKey, id) => channel.publish({ exchange: 'x', routingKey, messageId: id, headers: {}, body: Buffer.from(id) }),
    at: (queue) => broker.messages(queue).map(({ messageId, state }) => `${messageId} ${state}`),
  };
}

test('what is sent arrives a turn later, and its answer another turn later', async () => {
  const { clock, queue, open, send, at } = await table();
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
  const { clock, broker, queue, open, send, at, finish } = await table();
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

test('while only the broker knows that a connection is gone, two hold the same message', async () => {
  const { clock, broker, queue, open, send, connection, finish } = await table();
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
  const { clock, broker, queue, open, send, finish, at } = await table();
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

test('a move that is refused is held, and tried again every 180 s by the clock', async () => {
  const { clock, broker, queue, open, finish, at, send } = await table();
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
  const { clock, broker, queue, open, finish, send } = await table();
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('a') });
  const channel = await open();
  await finish(Promise.all(Array.from({ length: 40 }, (_, index) => send(channel, 'tier', `${index}`))));
  await clock.advance(1000);
  assert.equal(broker.counts('tier')?.held, 40);
  await queue('a');
  await clock.advance(180_000);
  assert.deepEqual([broker.counts('tier')?.held, broker.counts('a')?.ready], [0, 40]);
  assert.deepEqual(
    broker.messages('a').map(({ messageId }) => messageId),
    Array.from({ length: 40 }, (_, index) => `${index}`),
  );
});

test('a broker that restarts between storing a dead letter and letting go of it stores it twice', async () => {
  const { clock, broker, queue, open, finish, send, at } = await table();
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
  const { clock, broker, queue, open, finish, send, at } = await table();
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
  const { clock, queue, open, finish, send, at } = await table();
  await queue('tier', { 'x-message-ttl': 1000, ...deadLetterTo('tier') });
  await finish(send(await open(), 'tier', '1'));
  await clock.advance(600_000);
  assert.deepEqual(at('tier'), ['1 held']);
});

test('an alarm stops the acknowledgements of a connection that publishes, and nobody else', async () => {
  const { clock, broker, queue, open, finish, send, at } = await table();
  for (const name of ['a', 'b']) await queue(name);
  const [publisher, silent] = [await open(), await open(broker.connect())];
  for (const key of ['a', 'b']) await finish(send(publisher, key, key));
  const [mine, other] = [await finish(publisher.get('a')), await finish(silent.get('b'))];
  assert.ok(mine && other);
  broker.setBlocked(true);
  const hanging = send(publisher, 'a', '2');
  publisher.ack(mine);
  silent.ack(other);
  await clock.advance(60_000);
  assert.deepEqual([at('a'), at('b')], [['a unacked'], []]);
  broker.setBlocked(false);
  assert.equal(await finish(hanging), 'confirmed');
  await clock.advance(0);
  assert.deepEqual(at('a'), ['2 ready']);
});

test('looking has no effect, and a body is the one that was published', async () => {
  const { broker, queue, open, finish, at } = await table();
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

test('a delivery that is settled without requeue counts as failed, as its version counts', async () => {
  const counted: unknown[] = [];
  for (const profile of ['3.10', '4.0', '4.3'] as const) {
    for (const how of ['nack', 'reject'] as const) {
      const { clock, queue, open, finish, send } = await table({ profile });
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
