import assert from 'node:assert/strict';
import { test } from 'node:test';
import { givenBack, IDLE, letThrough, type RateState } from './rate-state.ts';

const NOW = 1_000_000;
const events = { events: { limit: 3, periodMs: 30_000 } };
const tokens = { tokensPerMinute: 6_000 };

/** How many calls of so many tokens are let through at one moment, and how long the next one waits. */
function atOnce(
  limit: typeof events | typeof tokens,
  size: number,
  from: RateState = IDLE,
  now = NOW,
): readonly [number, number, RateState] {
  let state = from;
  for (let count = 0; ; count += 1) {
    const answer = letThrough(state, limit, size, now);
    if ('waitMs' in answer) return [count, answer.waitMs, state];
    state = answer.next;
  }
}

test('rate: as many events as the limit at once, then evenly', () => {
  const [count, waitMs, state] = atOnce(events, 1);
  assert.deepEqual([count, waitMs], [3, 10_000]);
  assert.deepEqual(atOnce(events, 1, state, NOW + 9_999).slice(0, 2), [0, 1]);
  assert.deepEqual(atOnce(events, 1, state, NOW + 10_000)[0], 1);
  assert.equal(atOnce(events, 1, state, NOW + 30_000)[0], 3);
});

test('rate: a minute of tokens at once, then evenly; what was not used comes back', () => {
  const [count, waitMs, state] = atOnce(tokens, 1_000);
  assert.deepEqual([count, waitMs], [6, 10_000]);
  const back = givenBack(state, tokens, 900);
  assert.equal(atOnce(tokens, 1_000, back, NOW + 1_000)[0], 1);
  assert.equal(givenBack(state, tokens, 0), undefined);
  assert.equal(givenBack(state, events, 5), undefined);
});

test('rate: a call of more than a minute of tokens waits for an idle minute, and no longer', () => {
  const [count, waitMs] = atOnce(tokens, 10_000);
  assert.deepEqual([count, waitMs], [1, 100_000]);
});
