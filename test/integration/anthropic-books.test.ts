import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { createAnthropicModel } from '../../src/model/anthropic.ts';
import type { TokenUsage } from '../../src/model/port.ts';
import { claudeFailures, REVIEW_TEXT } from '../support/claude-failures.ts';
import { billedInAll, STUB_KEY, startClaudeStub } from '../support/claude-stub.ts';
import { createGate } from '../support/gate.ts';

const request = { model: 'claude-sonnet-5-5', prompt: 'Is this change safe?', maxTokens: 200 };

/** Long enough that a busy machine does not look like a stalled provider. */
const STALL_MS = 2_000;

/** Calls of a round that are answered, beside one for each failure. */
const ANSWERED = 8;

describe('the books', () => {
  test('agree with the provider for what was completed, and are never below it in all', async () => {
    const own = await startClaudeStub({ script: ({ ordinal }) => claudeFailures[ordinal % (claudeFailures.length + ANSWERED)]?.[1] });
    const adapter = createAnthropicModel({ apiKey: () => STUB_KEY, baseUrl: own.url, clock: systemClock, stallMs: STALL_MS });
    const rounds = 2 * (claudeFailures.length + ANSWERED);
    const calls = Array.from({ length: rounds }, () => adapter.call(request, new AbortController().signal));
    const ends = await Promise.allSettled(calls);
    await own.until('the provider has closed its books', () => own.ledger().length === rounds);
    const turns = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.usage] : []));
    const bounds = ends.flatMap((end) =>
      end.status === 'rejected' && end.reason.usage !== 'none' ? [end.reason.usage as TokenUsage] : [],
    );
    const completed = own.ledger().filter(({ outcome }) => outcome === 'completed');
    await own.close();
    assert.equal(turns.length, 2 * ANSWERED);
    assert.deepEqual(total(turns), billedInAll(completed));
    const ours = total([...turns, ...bounds]);
    const theirs = billedInAll(own.ledger());
    for (const kind of ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const)
      assert.ok(ours[kind] >= theirs[kind], kind);
    assert.ok(theirs.input > billedInAll(completed).input, 'failed calls were billed too');
  });

  test('hold for a thousand calls at once, none of which waits for another', async () => {
    const gate = createGate();
    const own = await startClaudeStub({ script: () => ({ text: REVIEW_TEXT, hold: { at: 'stream', until: gate.opened } }) });
    const adapter = createAnthropicModel({ apiKey: () => STUB_KEY, baseUrl: own.url, clock: systemClock });
    const calls = Array.from({ length: 1_000 }, () => adapter.call(request, new AbortController().signal));
    await own.until('all have arrived', () => own.received().length === 1_000);
    gate.open();
    const turns = await Promise.all(calls);
    await own.close();
    assert.deepEqual(total(turns.map(({ usage }) => usage)), billedInAll(own.ledger()));
  });
});

function total(usages: readonly TokenUsage[]): TokenUsage {
  return billedInAll(usages.map((billed) => ({ billed })));
}
