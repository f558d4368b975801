import assert from 'node:assert/strict';
import type { QueueArguments, Step } from '../../src/broker/topology.ts';
import type { BrokerCases } from './broker-suite.ts';
import { ids, send, signal } from './broker-world.ts';

const quorum = { 'x-queue-type': 'quorum' };
const declareA = (args: QueueArguments): Step => ({
  do: 'declare-queue',
  queue: { name: 'a', role: 'work', arguments: { ...quorum, ...args } },
});

const topicPatterns = ['a.b', '*', '*.b', '#', 'a.#', '#.c', 'a.*.c', 'a.#.c', '#.b.#', '', '*.#'];
const topicKeys = ['', 'a', 'a.b', 'a.b.c', 'a.c', 'a.b.b.c', 'b', 'c', 'a.', '.b', 'A.b'];
const topicMatches: Readonly<Record<string, readonly string[]>> = {
  '': ['#', ''],
  a: ['*', '#', 'a.#', '*.#'],
  'a.b': ['a.b', '*.b', '#', 'a.#', '#.b.#', '*.#'],
  'a.b.c': ['#', 'a.#', '#.c', 'a.*.c', 'a.#.c', '#.b.#', '*.#'],
  'a.c': ['#', 'a.#', '#.c', 'a.#.c', '*.#'],
  'a.b.b.c': ['#', 'a.#', '#.c', 'a.#.c', '#.b.#', '*.#'],
  b: ['*', '#', '#.b.#', '*.#'],
  c: ['*', '#', '#.c', '*.#'],
  'a.': ['#', 'a.#', '*.#'],
  '.b': ['*.b', '#', '#.b.#', '*.#'],
  'A.b': ['*.b', '#', '#.b.#', '*.#'],
};

/** How messages find their queues, and how the topology changes. */
export const routingCases: BrokerCases = {
  'topic patterns match word by word': async ({ world, channel, queues, bind, drain }) => {
    await world.declareExchange('t', 'topic');
    const names = topicPatterns.map((_, index) => `q${index}`);
    await queues(Object.fromEntries(names.map((name) => [name, {}])));
    for (const [index, pattern] of topicPatterns.entries()) await bind('t', `q${index}`, pattern);
    const publisher = await channel();
    for (const key of topicKeys) assert.equal(await send(publisher, key, key, { exchange: 't' }), 'confirmed', key);
    for (const [index, pattern] of topicPatterns.entries()) {
      const expected = topicKeys.filter((key) => topicMatches[key]?.includes(pattern));
      // An empty message id is none.
      assert.deepEqual(
        ids(await drain(`q${index}`)).map((id) => id ?? ''),
        expected,
        pattern,
      );
    }
  },

  'a headers exchange matches all or any of the arguments': async ({ world, channel, queues, bind, drain }) => {
    await world.declareExchange('h', 'headers');
    await queues({ all: {}, any: {}, plain: {} });
    await bind('h', 'all', '', { 'x-match': 'all', kind: 'order', count: 3, paid: true });
    await bind('h', 'any', '', { 'x-match': 'any', kind: 'order', count: 3 });
    await bind('h', 'plain', 'ignored', { kind: 'order' });
    const publisher = await channel();
    const sendWith = (id: string, headers: Readonly<Record<string, string | number | boolean>>) =>
      send(publisher, 'k', id, { exchange: 'h', headers });
    assert.equal(await sendWith('1', { kind: 'order', count: 3, paid: true, more: 'x' }), 'confirmed');
    assert.equal(await sendWith('2', { kind: 'order', count: 4, paid: true }), 'confirmed');
    assert.equal(await sendWith('3', { kind: 'other', count: 3 }), 'confirmed');
    assert.equal(await sendWith('4', { kind: 'Order', count: 4, paid: false }), 'unroutable');
    assert.equal(await sendWith('5', {}), 'unroutable');
    assert.deepEqual([ids(await drain('all')), ids(await drain('any')), ids(await drain('plain'))], [['1'], ['1', '2', '3'], ['1', '2']]);
  },

  'a queue that is bound twice gets one copy': async ({ world, channel, queues, bind, drain }) => {
    await world.declareExchange('t', 'topic');
    await queues({ a: {} });
    await bind('t', 'a', '#');
    await bind('t', 'a', 'k');
    await bind('t', 'a', 'k');
    await send(await channel(), 'k', '1', { exchange: 't' });
    assert.deepEqual(ids(await drain('a')), ['1']);
  },

  'a fanout exchange reaches every queue': async ({ world, channel, queues, bind, drain }) => {
    await world.declareExchange('f', 'fanout');
    await queues({ a: {}, b: {} });
    for (const queue of ['a', 'b']) await bind('f', queue, '');
    await send(await channel(), 'any', '1', { exchange: 'f' });
    assert.deepEqual([ids(await drain('a')), ids(await drain('b'))], [['1'], ['1']]);
  },

  'declaring twice changes nothing, and other arguments are refused': async ({ world: { admin }, channel, queues, drain }) => {
    await queues({ a: { 'x-delivery-limit': 5, 'x-message-ttl': 60_000 } });
    await send(await channel(), 'a', '1');
    await admin.apply(declareA({ 'x-message-ttl': 60_000, 'x-delivery-limit': 5 }), signal());
    await assert.rejects(admin.apply(declareA({ 'x-delivery-limit': 6, 'x-message-ttl': 60_000 }), signal()), { code: 'ManagementFailed' });
    await assert.rejects(admin.apply(declareA({ 'x-delivery-limit': 5 }), signal()), { code: 'ManagementFailed' });
    await assert.rejects(admin.apply({ do: 'declare-exchange', exchange: { name: 'x', type: 'topic' } }, signal()), {
      code: 'ManagementFailed',
    });
    const observed = await admin.observe(signal());
    const queue = observed.queues.find(({ name }) => name === 'a');
    assert.deepEqual(
      [queue?.durable, queue?.type, queue?.arguments],
      [true, 'quorum', { ...quorum, 'x-delivery-limit': 5, 'x-message-ttl': 60_000 }],
    );
    assert.deepEqual(ids(await drain('a')), ['1']);
  },

  'bindings are seen, and come and go': async ({ world: { admin }, channel, queues, bind }) => {
    await queues({ a: {} });
    await bind('x', 'a', 'other');
    await bind('x', 'a', 'other');
    const seen = async () =>
      (await admin.observe(signal())).bindings
        .filter(({ source }) => source === 'x')
        .map(({ routingKey }) => routingKey)
        .toSorted();
    assert.deepEqual(await seen(), ['a', 'other']);
    const step: Step = { do: 'unbind', binding: { source: 'x', queue: 'a', routingKey: 'a' } };
    await admin.apply(step, signal());
    await admin.apply(step, signal());
    assert.deepEqual(await seen(), ['other']);
    const publisher = await channel();
    assert.deepEqual([await send(publisher, 'a', '1'), await send(publisher, 'other', '2')], ['unroutable', 'confirmed']);
    await assert.rejects(bind('missing', 'a', 'k'), { code: 'ManagementFailed' });
    await assert.rejects(bind('x', 'missing', 'k'), { code: 'ManagementFailed' });
  },
};
