import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import type { EventRecord } from '../api/record.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type Store, StoreError } from '../store/port.ts';
import { Claim } from './claim.ts';

const key = { agent: { namespace: 'test', name: 'agent' }, event: 'e' };
const running: EventRecord = { gen: 0, attempt: 1, phase: 'running', fence: 'mine', starts: 1, startedAt: 0, outputs: {} };
const done: EventRecord = { ...running, phase: 'done', starts: 0 };
const DAY_MS = 86_400_000;

/** A claim on a record in a store that can be made to answer nothing. */
async function claimed() {
  const clock = createVirtualClock(0);
  const memory = createMemoryStore(clock);
  let isDown = false;
  const store: Store = {
    ...memory,
    update: async (...args) => {
      if (isDown) throw new StoreError('Unreachable', 'down');
      return memory.update(...args);
    },
  };
  const hold = new AbortController();
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.advance(60_000);
    return promise;
  };
  await settled(memory.replace(key, 0, { record: running, leaseMs: 15_000 }));
  return {
    clock,
    claim: new Claim(store, clock, key, running, hold.signal),
    hold,
    settled,
    setDown: (down: boolean) => {
      isDown = down;
    },
    /** The record as it stands, and as it does later. */
    stored: async (laterMs = DAY_MS) => {
      const [now, later] = [await settled(memory.read(key)), await clock.advance(laterMs).then(() => settled(memory.read(key)))];
      return [now.stored?.record.phase, later.stored?.record.phase];
    },
  };
}

test('a record that was concluded is not written again when its claim is abandoned: it is forgotten in its time', async () => {
  const { clock, claim, settled, stored } = await claimed();
  await settled(claim.conclude(done, DAY_MS));
  await clock.advance(DAY_MS / 2);
  await settled(claim.abandon(claim.record));
  assert.deepEqual(await stored(DAY_MS / 2), ['done', undefined]);
});

test('a record whose conclusion did not reach the store is concluded by abandoning its claim, and forgotten in its time', async () => {
  const { claim, hold, settled, setDown, stored } = await claimed();
  setDown(true);
  const concluding = assert.rejects(claim.conclude(done, DAY_MS), /held for too long/);
  await settled(Promise.resolve());
  hold.abort(new Error('held for too long'));
  await concluding;
  setDown(false);
  await settled(claim.abandon(claim.record));
  assert.deepEqual(await stored(), ['done', undefined]);
});

test('abandoning a claim gives up its lease and keeps the record', async () => {
  const { claim, settled, stored } = await claimed();
  await settled(claim.abandon({ ...running, phase: 'parked' }));
  assert.deepEqual(await stored(), ['parked', 'parked']);
});
