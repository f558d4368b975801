import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { guardedStore } from './guarded.ts';
import { createMemoryStore } from './memory.ts';
import { type Store, StoreError, type StoreState } from './port.ts';

const agent = { namespace: 'test', name: 'agent' };
const key = { agent, event: 'e' };
const record = { gen: 0, attempt: 1, phase: 'running', fence: 'f', starts: 1, startedAt: 0, outputs: {} } as const;
const evicting = { policy: 'allkeys-lru', maxBytes: 1000 };

/** A guard on a store whose state a test decides. `take` takes an event: what came of it. */
function guarded(first: Partial<StoreState> = {}) {
  const state: { now: StoreState; accepted: boolean; taken: number } = {
    now: { eviction: 'none', epoch: 'a', lost: false, acknowledged: false, ...first },
    accepted: false,
    taken: 0,
  };
  const lines: string[] = [];
  const store: Store = {
    ...createMemoryStore(systemClock),
    inspect: async () => state.now,
    replace: async (_key, _version, _write, epoch) => {
      if (epoch !== state.now.epoch) throw new StoreError('Lost', 'another epoch');
      state.taken += 1;
      return { written: true, now: 0 };
    },
  };
  const guard = guardedStore(store, {
    agent,
    log: createLog('json', (line) => lines.push((JSON.parse(line) as { msg: string }).msg)),
    acceptance: { how: 'accept it', isGiven: () => state.accepted },
  });
  const ends = (call: Promise<unknown>) =>
    call.then(
      () => 'well',
      (error: StoreError) => error.code,
    );
  const take = () => ends(guard.replace(key, 0, { record, leaseMs: 1 }));
  const ping = () => ends(guard.ping());
  const read = () => ends(guard.read(key));
  const pauses = () => ends(guard.pausesSince(agent, 0));
  return { state, lines, guard, take, ping, read, pauses };
}

test('a store that evicts is refused with what to do, and used as soon as it no longer does', async () => {
  const { state, guard, take, ping } = guarded({ eviction: evicting });
  await assert.rejects(guard.ping(), {
    code: 'Unsafe',
    message:
      'StoreUnsafe: the store evicts what it was told where its memory is full (maxmemory-policy allkeys-lru, maxmemory 1000 bytes), and an event could be run twice: set its maxmemory-policy to noeviction, or accept it',
  });
  assert.deepEqual([await take(), state.taken], ['Unsafe', 0]);
  state.now = { ...state.now, eviction: 'none' };
  assert.deepEqual([await take(), await ping(), await take(), state.taken], ['Unsafe', 'well', 'well', 1]);
});

test('a store that begins to evict takes no more events once that is seen', async () => {
  const { state, take, ping } = guarded();
  assert.equal(await take(), 'well');
  state.now = { ...state.now, eviction: evicting };
  assert.deepEqual([await ping(), await take(), state.taken], ['Unsafe', 'Unsafe', 1]);
});

test('a store that evicts is used where somebody has accepted that, and it is said once', async () => {
  const { state, lines, take, ping } = guarded({ eviction: evicting });
  state.accepted = true;
  assert.deepEqual([await ping(), await ping(), await take()], ['well', 'well', 'well']);
  assert.deepEqual(lines, [
    'it is accepted that the store may evict what it was told: an event may then be run twice (maxmemory-policy allkeys-lru, maxmemory 1000 bytes)',
  ]);
});

test('a store that does not say whether it evicts is used, and it is said once', async () => {
  const { lines, take, ping } = guarded({ eviction: 'unknown' });
  assert.deepEqual([await ping(), await ping(), await take()], ['well', 'well', 'well']);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /does not say whether it evicts/);
});

test('a store that has lost its memory takes no event, from the first try on, until somebody has acknowledged it', async () => {
  const { state, lines, take, ping } = guarded();
  assert.equal(await take(), 'well');
  state.now = { ...state.now, epoch: 'b' };
  assert.deepEqual([await take(), await ping(), await take(), state.taken], ['Lost', 'Lost', 'Lost', 1]);
  state.now = { ...state.now, acknowledged: true };
  assert.deepEqual([await ping(), await take(), state.taken], ['well', 'well', 2]);
  assert.match(lines.join(), /somebody has acknowledged that/);
  state.now = { ...state.now, epoch: 'c', acknowledged: false };
  assert.deepEqual([await take(), await ping()], ['Lost', 'Lost'], 'another loss is another matter');
});

test('what an emptied memory says of an event and of pauses is not heard: an old event is not found stale by it', async () => {
  const { state, read, pauses } = guarded();
  assert.deepEqual([await read(), await pauses()], ['well', 'well']);
  state.now = { ...state.now, epoch: 'b' };
  assert.deepEqual([await read(), await pauses()], ['Lost', 'Lost']);
  state.now = { ...state.now, acknowledged: true };
  assert.deepEqual([await read(), await pauses()], ['well', 'well']);
});

test('a process that begins after the loss is held like the one that has seen it, until somebody has acknowledged it', async () => {
  const memory = createMemoryStore(systemClock);
  const guardOf = () => guardedStore(memory, { agent, log: createLog('json', () => {}) });
  const [one, other] = [guardOf(), guardOf()];
  const write = { record, leaseMs: 1 };
  await one.ping();
  // It forgets everything.
  await memory.close();
  await assert.rejects(one.ping(), { code: 'Lost' });
  await assert.rejects(other.replace(key, 0, write), { code: 'Lost' });
  await memory.acknowledge(agent);
  assert.ok((await other.replace(key, 0, write)).written);
  await one.ping();
  assert.ok((await guardOf().replace({ ...key, event: 'another' }, 0, write)).written);
});

test('the memory that is there at first is taken as it is', async () => {
  const { take } = guarded({ epoch: 'whatever' });
  assert.equal(await take(), 'well');
});

test('a store that lost its memory says how that is acknowledged', async () => {
  const { state, guard } = guarded();
  await guard.ping();
  state.now = { ...state.now, epoch: 'b' };
  await assert.rejects(guard.ping(), { code: 'Lost', message: /^StoreLost: .* `eventagent store acknowledge test\/agent` / });
});
