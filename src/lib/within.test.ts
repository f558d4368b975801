import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/support/virtual-clock.ts';
import { within } from './within.ts';

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('what is done in time is done, and leaves nothing on the signal', async () => {
  const { signal } = new AbortController();
  assert.equal(await within(createVirtualClock(0), 10, signal, 'asking', async () => 'done'), 'done');
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('what takes too long is ended, and says so', async () => {
  const clock = createVirtualClock(0);
  const asking = within(clock, 5000, new AbortController().signal, 'asking', untilAborted);
  asking.catch(() => {});
  await clock.advance(5000);
  await assert.rejects(asking, /asking: no answer within 5 s/);
});

test('it ends with the other signal, by its reason', async () => {
  const other = new AbortController();
  const asking = within(createVirtualClock(0), 5000, other.signal, 'asking', untilAborted);
  other.abort(new Error('over'));
  await assert.rejects(asking, /over/);
});
