import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordError, type RecordKey } from '../../src/store/port.ts';
import type { Fate } from './incarnation.ts';
import { nameOf } from './name.ts';
import { startRedrive } from './redriving.ts';
import { takesIt } from './sink.ts';
import { type Stage, stageOf, unharmed } from './stage.ts';
import type { Replica, World } from './world.ts';

const HOUR_MS = 3_600_000;
const stage = (retentionDays?: number) =>
  stageOf({
    model: () => ({ delayMs: 10, stopReason: 'refusal' }),
    agent: { idempotency: { retentionSeconds: 86_400 }, ...(retentionDays === undefined ? {} : { deadLetters: { retentionDays } }) },
  });

function deadIn(world: World): readonly string[] {
  return world.broker.messages(world.names.dead).map(({ headers }) => nameOf(headers));
}

async function storedOf({ world }: Stage, event: string) {
  const read = world.store.read(world.keyOf(event));
  await world.clock.advance(0);
  return (await read).stored?.record;
}

async function deleted(replica: Replica): Promise<number | undefined> {
  return (await replica.scrape()).find(({ name }) => name === 'eventagent_dead_letters_expired_total')?.value;
}

/** Has an event become a dead letter. */
async function die({ world }: Stage, event: string): Promise<void> {
  await world.publish(event);
  await world.clock.runUntil(() => world.records.get(event)?.phase === 'dead', 60_000);
}

test('a dead letter is deleted within an hour after its retention, and a day later its record and its receipt; a younger one is not', async () => {
  const scene = await stage(1);
  const { world, lines, start } = scene;
  const replica = start();
  await die(scene, 'old');
  await world.clock.advance(20 * HOUR_MS);
  await die(scene, 'young');
  await world.clock.advance(3.9 * HOUR_MS);
  assert.deepEqual([deadIn(world), await deleted(replica)], [['old', 'young'], 0]);
  await world.clock.advance(1.2 * HOUR_MS);
  assert.deepEqual([deadIn(world), await deleted(replica)], [['young'], 1]);
  await world.clock.advance(20 * HOUR_MS);
  assert.deepEqual([deadIn(world), await deleted(replica)], [[], 2]);
  assert.deepEqual([(await storedOf(scene, 'old'))?.phase, (await storedOf(scene, 'young'))?.phase], ['dead', 'dead']);
  await world.clock.advance(5 * HOUR_MS);
  assert.deepEqual([await storedOf(scene, 'old'), (await storedOf(scene, 'young'))?.phase], [undefined, 'dead']);
  const receipts = world.store.receipts(world.configuration.agent, 0);
  await world.clock.advance(0);
  assert.deepEqual(
    (await receipts).map(({ id }) => id),
    ['young'],
  );
  assert.deepEqual(
    lines.flatMap(({ deleted: count }) => (count === undefined ? [] : [count])),
    [1, 1],
  );
});

test('without a retention dead letters stay, and nobody looks', async () => {
  const scene = await stage();
  let looks = 0;
  scene.start({ ...unharmed, before: (call) => call === 'get' && ++looks === 0 });
  await die(scene, 'event');
  await scene.world.clock.advance(3 * 24 * HOUR_MS);
  assert.deepEqual([deadIn(scene.world), looks], [['event'], 0]);
});

test('of two processes one looks, once an hour', async () => {
  const scene = await stage(365);
  let asked = 0;
  const fate: Fate = { ...unharmed, before: (call) => call === 'get' && ++asked === 0 };
  scene.start(fate);
  scene.start(fate);
  await die(scene, 'event');
  await scene.world.clock.advance(24 * HOUR_MS);
  // From the second look on it is asked what lies behind the letter, too.
  assert.ok(asked >= 46 && asked <= 49, `the broker was asked ${asked} times in a day`);
  assert.deepEqual(deadIn(scene.world), ['event']);
});

test('a process that dies behind the record leaves the letter to the next look', async () => {
  const scene = await stage(1);
  const { world, start } = scene;
  let died = false;
  const replica = start({
    ...unharmed,
    after: (call) => {
      if (call !== 'store.expire' || died) return false;
      died = true;
      return true;
    },
  });
  await die(scene, 'old');
  await world.clock.runUntil(() => died, 26 * HOUR_MS);
  await world.clock.advance(60_000);
  assert.deepEqual(deadIn(world), ['old']);
  await world.clock.advance(1.2 * HOUR_MS);
  assert.deepEqual([deadIn(world), await deleted(replica)], [[], 1]);
  await world.clock.advance(25 * HOUR_MS);
  assert.equal(await storedOf(scene, 'old'), undefined);
});

test('what is known of an event that was run again since is kept', async () => {
  const scene = await stage(1);
  const { world, start } = scene;
  start();
  await die(scene, 'again');
  const key = world.keyOf('again');
  const record = await storedOf(scene, 'again');
  assert.ok(record);
  const redriven = { ...record, gen: 1, phase: 'running' as const, fence: 'redriven' };
  const written = world.store.update(key, record.fence, { record: redriven, leaseMs: 0, number: 100 });
  await world.clock.advance(26 * HOUR_MS);
  assert.ok((await written).written);
  assert.deepEqual([deadIn(world), (await storedOf(scene, 'again'))?.gen], [[], 1]);
});

test('a letter that the broker itself moved counts from then, and one of unknown age is left where it is', async () => {
  const scene = await stage(1);
  const { world, start } = scene;
  const connection = world.broker.connect();
  const opening = connection.openChannel({ prefetch: 1 }, new AbortController().signal);
  await world.clock.advance(1000);
  const channel = await opening;
  const told = channel.publish({
    exchange: world.names.exchange,
    routingKey: 'dead',
    body: Buffer.from(''),
    headers: { 'x-name': 'strange' },
  });
  await world.clock.advance(1000);
  assert.equal(await told, 'confirmed');
  await world.publish('moved');
  await world.clock.advance(10 * HOUR_MS);
  const got = channel.get(world.names.work);
  await world.clock.advance(1000);
  const delivery = await got;
  assert.ok(delivery);
  channel.reject(delivery, { requeue: false });
  await world.clock.advance(1000);
  void channel.close();
  const letters = () => world.broker.messages(world.names.dead).length;
  assert.equal(letters(), 2);
  start();
  await world.clock.advance(23.5 * HOUR_MS);
  assert.equal(letters(), 2, 'it was published more than a day ago, and is dead for less');
  await world.clock.advance(1.5 * HOUR_MS);
  assert.deepEqual(
    world.broker.messages(world.names.dead).map(({ headers }) => headers['x-name']),
    ['strange'],
  );
});

test('nothing is deleted while the store does not answer', async () => {
  const scene = await stage(1);
  const { world, start } = scene;
  start();
  await die(scene, 'old');
  await world.clock.advance(23 * HOUR_MS);
  world.storeDown = true;
  await world.clock.advance(5 * HOUR_MS);
  assert.deepEqual(deadIn(world), ['old']);
  world.storeDown = false;
  await world.clock.advance(1.2 * HOUR_MS);
  assert.deepEqual(deadIn(world), []);
});

test('a letter whose record cannot be read stays, is told of, and holds up no other', async () => {
  const scene = await stage(1);
  const { world, lines, start } = scene;
  start();
  await die(scene, 'broken');
  await die(scene, 'old');
  const { read } = world.store;
  const { event: broken } = world.keyOf('broken');
  Object.assign(world.store, {
    read: (key: RecordKey) =>
      key.event === broken ? Promise.reject(new RecordError('Unreadable', 'the record is no JSON')) : read.call(world.store, key),
  });
  await world.clock.advance(26 * HOUR_MS);
  assert.deepEqual(deadIn(world), ['broken']);
  const told = lines.filter(({ msg }) => /stays: its record cannot be read/.test(String(msg)));
  assert.deepEqual([...new Set(told.map(({ error }) => error))], ['the record is no JSON']);
});

test('a record is kept while a copy of its event waits: the redrive that died before it took the letter away buys nothing again', async () => {
  let refuses = true;
  const retentionDays = 1;
  const { world, start } = await stageOf({
    sink: () => (refuses ? { takes: false, answer: { kind: 'answered', status: 422, rateLimited: false }, delayMs: 1 } : takesIt),
    agent: { deadLetters: { retentionDays } },
  });
  const stopped = async (replica: Replica) => {
    const closing = replica.close();
    await world.clock.advance(90_000);
    await closing;
  };
  const first = start();
  await world.publish('event');
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'dead', 60_000);
  await stopped(first);
  refuses = false;
  await world.clock.advance(25 * HOUR_MS);
  let died = false;
  const fate: Fate = {
    ...unharmed,
    after: (call) => {
      if (died || !call.startsWith('publish work')) return false;
      died = true;
      return true;
    },
  };
  startRedrive(
    world,
    'r',
    () => fate,
    () => 100 * HOUR_MS,
  );
  await world.clock.runUntil(() => died, HOUR_MS);
  await world.clock.advance(1000);
  assert.deepEqual([deadIn(world), world.broker.counts(world.names.work)?.total], [['event'], 1]);
  world.change({ agent: { deadLetters: { retentionDays }, suspend: true } });
  const suspended = start();
  await world.clock.advance(2 * HOUR_MS);
  await stopped(suspended);
  assert.deepEqual(deadIn(world), []);
  world.change({ agent: { deadLetters: { retentionDays } } });
  start();
  await world.clock.runUntil(() => world.records.get('event')?.phase === 'done', HOUR_MS);
  assert.equal(world.model.sold.get('event'), 1, 'bought once');
});

test('what is known of a new life of an event is not let go of by a letter of the old one', async () => {
  const scene = await stage(1);
  const { world, start } = scene;
  start();
  await die(scene, 'event');
  // The record of its first life is gone, and the event was sent, and died, anew.
  await world.clock.advance(HOUR_MS);
  const key = world.keyOf('event');
  const record = await storedOf(scene, 'event');
  assert.ok(record?.result);
  const younger = { ...record, result: { ...record.result, endedAt: world.clock.now() } };
  const written = world.store.update(key, record.fence, { record: younger, leaseMs: 0, number: 100 });
  await world.clock.advance(26 * HOUR_MS);
  assert.ok((await written).written);
  assert.deepEqual(deadIn(world), []);
  await world.clock.advance(26 * HOUR_MS);
  assert.equal((await storedOf(scene, 'event'))?.result?.endedAt, younger.result.endedAt);
});
