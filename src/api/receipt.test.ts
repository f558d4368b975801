import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Receipt, receiptOf, totalsOf } from './receipt.ts';
import type { EventRecord } from './record.ts';

const request = { method: 'POST', url: 'http://sink/?secret', headers: { a: 'secret' }, body: 'secret' };
const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
const dead: EventRecord = {
  gen: 2,
  attempt: 3,
  phase: 'dead',
  fence: 'f',
  starts: 0,
  event: { id: 'event-1', type: 'test' },
  startedAt: 10,
  turn: { requestDigest: 'd', text: 'secret', model: 'm', usage },
  outputs: { out: { request, state: 'done' } },
  spent: { turns: 4, inputTokens: 5, outputTokens: 6, costNanoUsd: 7, estimated: true },
  freshStarts: 1,
  result: { outcome: 'dead', reason: 'Refused', endedAt: 20 },
};

test('the receipt of a record says what became of the event and what it took, and nothing of what was said', () => {
  assert.deepEqual(receiptOf(dead), {
    id: 'event-1',
    type: 'test',
    outcome: 'dead',
    reason: 'Refused',
    attempts: 3,
    redrives: 2,
    turns: 4,
    inputTokens: 5,
    outputTokens: 6,
    costNanoUsd: 7,
    estimated: true,
    freshStarts: 1,
    startedAt: 10,
    endedAt: 20,
  });
  assert.ok(!JSON.stringify(receiptOf(dead)).includes('secret'));
});

test('an event that has not ended has no receipt', () => {
  const { result: _none, ...running } = dead;
  assert.equal(receiptOf({ ...running, phase: 'running' }), undefined);
});

test('an event that bought nothing says so in figures', () => {
  const { spent: _spent, freshStarts: _starts, ...bare } = dead;
  const receipt = receiptOf({ ...bare, result: { outcome: 'stale', endedAt: 20 } });
  assert.deepEqual([receipt?.turns, receipt?.costNanoUsd, receipt?.freshStarts, receipt && 'reason' in receipt], [0, 0, 0, false]);
});

test('sums tell apart what is known, what is an upper bound and what nobody knows', () => {
  const one = receiptOf(dead);
  assert.ok(one);
  const others: readonly Receipt[] = [
    { ...one, outcome: 'done', costNanoUsd: 'unknown', estimated: false },
    { ...one, outcome: 'done', costNanoUsd: 100, estimated: false },
  ];
  const all = { turns: 12, inputTokens: 15, outputTokens: 18, costNanoUsd: 107, unknownCosts: 1, estimated: true };
  assert.deepEqual(totalsOf([one, ...others]), { events: 3, byOutcome: { dead: 1, done: 2 }, ...all });
  assert.equal(totalsOf(others).estimated, false);
  assert.deepEqual(totalsOf([]).byOutcome, {});
});
