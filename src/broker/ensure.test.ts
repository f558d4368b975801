import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { createEmbeddedBroker } from './embedded.ts';
import { type Ensured, ensureTopology } from './ensure.ts';
import type { ObservedQueue, ObservedTopology, Queue, Topology, TopologyAdmin } from './topology.ts';

const FRESH_MS = 4000;
const quorum = { 'x-queue-type': 'quorum' };
const work: Queue = { name: 'ea.a', role: 'work', arguments: { ...quorum, 'x-dead-letter-exchange': 'ea.a' } };
const dead: Queue = { name: 'ea.a.dead', role: 'dead', arguments: quorum };
const desired: Topology = {
  exchanges: [{ name: 'ea.a', type: 'direct' }],
  queues: [work, dead],
  bindings: [
    { source: 'ea.a', queue: work.name, routingKey: 'work' },
    { source: 'ea.a', queue: dead.name, routingKey: 'dead' },
    { source: 'shop', queue: work.name, routingKey: '#' },
  ],
  foreignExchanges: ['shop'],
};

/** A broker that needs time to write a queue down, and that says only `policyLagMs` after it first showed a queue which policies reach it. */
async function world(options: { readonly policyLagMs?: number; readonly policy?: ObservedQueue['policy'] } = {}) {
  const { policyLagMs = 0, policy = { names: [], definition: {} } } = options;
  const clock = createVirtualClock(1_000_000);
  const broker = createEmbeddedBroker({ clock, profile: '4.3' });
  const signal = new AbortController().signal;
  const firstSeen = new Map<string, number>();
  const known = ({ name }: ObservedQueue) => {
    const since = firstSeen.get(name) ?? clock.now();
    firstSeen.set(name, since);
    return clock.now() - since >= policyLagMs;
  };
  const admin: TopologyAdmin = {
    ...broker.admin,
    freshQueueMs: FRESH_MS,
    observe: async () => {
      const seen = await broker.admin.observe(signal);
      return { ...seen, queues: seen.queues.map((queue) => ({ ...queue, policy: known(queue) ? policy : undefined })) };
    },
  };
  const inTime = async <T>(ms: number, call: Promise<T>): Promise<T | undefined> => {
    let result: T | undefined;
    void call.then((value) => {
      result = value;
    });
    await clock.advance(ms);
    return result;
  };
  const held = async (): Promise<ObservedTopology> => {
    const seen = await inTime(100, broker.admin.observe(signal));
    assert.ok(seen);
    return seen;
  };
  /** Where events would come from, if there were any. */
  const intake = async () =>
    (await held()).bindings.filter(({ source, queue }) => source !== '' && queue === work.name).map(({ source }) => source);
  await inTime(100, broker.admin.apply({ do: 'declare-exchange', exchange: { name: 'shop', type: 'topic' } }, signal));
  return {
    clock,
    admin,
    embedded: broker.admin,
    held,
    intake,
    inTime,
    ensure: (): Promise<Ensured> => ensureTopology(clock, admin, desired, signal),
  };
}

test('a new queue takes no events until the broker would find it again', async () => {
  const { clock, ensure, held, intake } = await world();
  const startedAt = clock.now();
  const ensuring = ensure();
  await clock.advance(1000);
  assert.equal((await held()).queues.length, 2);
  while (clock.now() < startedAt + FRESH_MS - 200) assert.deepEqual(await intake(), []);
  await clock.advance(500);
  assert.deepEqual((await intake()).sort(), ['ea.a', 'shop']);
  assert.deepEqual((await ensuring).problems, []);
});

test('where no queue is new, what leads events in is there at once', async () => {
  const { admin, ensure, intake, inTime } = await world();
  await inTime(10_000, ensure());
  const [, , shop] = desired.bindings;
  assert.ok(shop);
  await inTime(100, admin.apply({ do: 'unbind', binding: shop }, new AbortController().signal));
  assert.deepEqual(await intake(), ['ea.a']);
  assert.equal((await inTime(100, ensure()))?.steps.length, 1);
  assert.deepEqual((await intake()).sort(), ['ea.a', 'shop']);
  assert.deepEqual(await inTime(100, ensure()), { steps: [], problems: [] });
});

test('a policy that shows itself only some time after the queue is found before an event is let in', async () => {
  const policy = { names: ['platform'], definition: { 'message-ttl': 60_000 } };
  for (const policyLagMs of [0, 3000, 6000]) {
    const { ensure, intake, inTime } = await world({ policyLagMs, policy });
    const ensured = await inTime(FRESH_MS + 10_000, ensure());
    assert.deepEqual(
      ensured?.problems.map(({ kind }) => kind),
      ['ForeignPolicy', 'ForeignPolicy'],
      `${policyLagMs} ms`,
    );
    assert.deepEqual(await intake(), []);
  }
});

test('a broker that never says which policies there are is taken as it is', async () => {
  const { ensure, intake, inTime } = await world({ policyLagMs: Number.POSITIVE_INFINITY });
  assert.deepEqual((await inTime(FRESH_MS + 11_000, ensure()))?.problems, []);
  assert.equal((await intake()).length, 2);
});

const patient: Topology = { ...desired, queues: [{ ...work, consumerTimeoutMs: 3_900_000 }, dead] };

test('nothing is let in before deliveries may be held for as long as they are to be', async () => {
  const { admin, clock, embedded, intake, inTime } = await world();
  const signal = new AbortController().signal;
  let inEffectAt = Number.POSITIVE_INFINITY;
  const lagging: TopologyAdmin = {
    ...admin,
    observe: async () => {
      const seen = await embedded.observe(signal);
      if (clock.now() >= inEffectAt) return seen;
      return { ...seen, queues: seen.queues.map((queue) => ({ ...queue, policy: { names: [], definition: {} } })) };
    },
    apply: async (step) => {
      if (step.do === 'set-policy' && inEffectAt === Number.POSITIVE_INFINITY) inEffectAt = clock.now() + 5000;
      await embedded.apply(step, signal);
    },
  };
  const ensuring = ensureTopology(clock, lagging, patient, signal);
  await inTime(FRESH_MS + 4500, ensuring);
  assert.deepEqual(await intake(), []);
  const ensured = await inTime(2000, ensuring);
  assert.deepEqual(ensured?.problems, []);
  assert.deepEqual((await intake()).sort(), ['ea.a', 'shop']);
});

test('a broker that knows no such policies is asked once, and nothing is let in', async () => {
  const clock = createVirtualClock(1_000_000);
  const { admin } = createEmbeddedBroker({ clock, profile: '3.10' });
  const only: Topology = { ...patient, bindings: patient.bindings.slice(0, 2), foreignExchanges: [] };
  const signal = new AbortController().signal;
  const refused = assert.rejects(ensureTopology(clock, admin, only, signal), { code: 'PolicyUnknown' });
  await clock.advance(10_000);
  await refused;
  const observing = admin.observe(signal);
  await clock.advance(100);
  assert.deepEqual(
    (await observing).bindings.filter(({ queue }) => queue === work.name),
    [],
  );
});

test('where the time is not granted for long, that is a problem, and nothing is let in', async () => {
  const { admin, clock, intake, inTime } = await world({ policy: { names: [], definition: {} } });
  const ensured = await inTime(FRESH_MS + 15_000, ensureTopology(clock, admin, patient, new AbortController().signal));
  assert.deepEqual(
    ensured?.problems.map(({ kind }) => kind),
    ['RunTimeoutTooLong'],
  );
  assert.deepEqual(await intake(), []);
});

test('where something is in the way, nothing at all is changed', async () => {
  const { admin, ensure, held, inTime } = await world();
  const signal = new AbortController().signal;
  await inTime(100, admin.apply({ do: 'declare-queue', queue: { ...dead, arguments: { ...quorum, 'x-max-length': 1 } } }, signal));
  const before = await held();
  const ensured = await inTime(100, ensure());
  assert.deepEqual([ensured?.steps, ensured?.problems.map(({ kind }) => kind)], [[], ['QueueMismatch']]);
  assert.deepEqual(await held(), before);
});
