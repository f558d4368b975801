import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Binding, ListedQueue, Queue, Topology } from '../../broker/topology.ts';
import { EmptyWatch } from './empty-watch.ts';
import { Snapshot } from './snapshot.ts';

const listed = (name: string): ListedQueue => ({
  name,
  durable: true,
  type: 'quorum',
  arguments: {},
  policy: { names: [], definition: {} },
});
const queue = (name: string): Queue => ({ name, role: 'work', arguments: { 'x-queue-type': 'quorum' } });
const binding: Binding = { source: 'x', queue: 'a', routingKey: 'k' };
const topology: Topology = {
  exchanges: [{ name: 'x', type: 'direct' }],
  queues: [queue('a'), queue('b')],
  bindings: [binding],
  foreignExchanges: [],
};

test('is complete when every kind of object was listed', () => {
  const snapshot = new Snapshot();
  snapshot.takeQueues([], 0, 0);
  assert.equal(snapshot.isComplete, false);
  snapshot.takeRoutes({ exchanges: [], bindings: [] }, 0, 0);
  assert.equal(snapshot.isComplete, true);
});

test('shows of the broker what matters to a topology', () => {
  const snapshot = new Snapshot();
  snapshot.takeQueues([listed('a'), listed('other')], 0, 0);
  snapshot.takeRoutes(
    {
      exchanges: [
        { name: 'x', type: 'direct', durable: true },
        { name: 'y', type: 'topic', durable: true },
      ],
      bindings: [binding, { ...binding, queue: 'other' }],
    },
    0,
    0,
  );
  const { queues, exchanges, bindings } = snapshot.observed(topology);
  assert.deepEqual([queues.map(({ name }) => name), exchanges.map(({ name }) => name), bindings], [['a'], ['x'], [binding]]);
});

test('a listing that was begun before a change does not undo it; a later one is believed', () => {
  const snapshot = new Snapshot();
  snapshot.note({ do: 'declare-queue', queue: queue('a') }, 10);
  snapshot.note({ do: 'bind', binding }, 10);
  snapshot.takeQueues([], 9, 12);
  snapshot.takeRoutes({ exchanges: [], bindings: [] }, 9, 12);
  assert.deepEqual([snapshot.queue('a')?.name, snapshot.bindingsOf('a')], ['a', [binding]]);
  snapshot.takeQueues([], 11, 13);
  snapshot.takeRoutes({ exchanges: [], bindings: [] }, 11, 13);
  assert.deepEqual([snapshot.queue('a'), snapshot.bindingsOf('a')], [undefined, []]);
});

test('what was deleted is gone at once, with its routes', () => {
  const snapshot = new Snapshot();
  snapshot.takeQueues([listed('a')], 0, 0);
  snapshot.takeRoutes({ exchanges: [{ name: 'x', type: 'direct', durable: true }], bindings: [binding] }, 0, 0);
  snapshot.note({ do: 'unbind', binding }, 1);
  assert.deepEqual(snapshot.bindingsOf('a'), []);
  snapshot.note({ do: 'delete-queue', queue: 'a' }, 1);
  snapshot.note({ do: 'delete-exchange', exchange: 'x' }, 1);
  assert.deepEqual([snapshot.queue('a'), snapshot.hasExchange('x')], [undefined, false]);
});

test('knows since when a queue is known, over listings that show it again', () => {
  const snapshot = new Snapshot();
  snapshot.takeQueues([listed('a')], 5, 6);
  snapshot.takeQueues([listed('a')], 15, 16);
  assert.equal(snapshot.knownSince('a'), 6);
  snapshot.takeQueues([], 25, 26);
  snapshot.takeQueues([listed('a')], 35, 36);
  assert.equal(snapshot.knownSince('a'), 36);
});

test('a queue proves empty by two looks that are 15 s apart, with nothing seen in between', () => {
  const empty = new EmptyWatch();
  const looks = [
    [0, 0, false],
    [0, 10_000, false],
    [0, 15_000, true],
    [1, 16_000, false],
    [0, 20_000, false],
    [undefined, 30_000, false],
    [0, 40_000, false],
    [0, 55_000, true],
  ] as const;
  for (const [total, at, proven] of looks) assert.equal(empty.look('q', total, at), proven, `${total} at ${at}`);
});
