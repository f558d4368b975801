import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createVirtualClock } from '../../../test/support/virtual-clock.ts';
import type { Budget } from '../../api/configuration.ts';
import { WAIT_MS } from '../../api/names.ts';
import { silentLog } from '../../lib/log.ts';
import { ModelError, type TokenCounter } from '../../model/port.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { Intake } from '../intake.ts';
import { EMPTY_LEDGER, type Ledger } from './ledger.ts';
import { type Buyer, Till } from './till.ts';

const agent = { namespace: 'team', name: 'a' };
const nothing = { nanoUsd: 0, tokens: 0 };
/** By its bytes more than 1,000 tokens. */
const request = { model: 'm', prompt: 'x'.repeat(1000), maxTokens: 10 };

/** A till of its own store, whose clock stands still. */
function tillWith(limits: Partial<Budget>, countTokens?: TokenCounter['countTokens']) {
  const clock = createVirtualClock(Date.UTC(2026, 4, 6, 7, 8, 9));
  const store = createMemoryStore(clock);
  const pauses: (readonly [from: number, until: number])[] = [];
  const till = new Till({
    agent,
    budget: { timeZone: 'Etc/UTC', ...limits },
    priceOf: () => 0,
    store,
    clock,
    log: silentLog,
    intake: new Intake(1, () => {}),
    notePause: (from, until) => pauses.push([from, until]),
    counter: countTokens === undefined ? undefined : { countTokens },
    onState: () => {},
  });
  const buyer = (event: string): Buyer => ({
    event,
    fence: `fence of ${event}`,
    bought: () => ({ spent: nothing, hasBegun: false }),
    record: async () => {},
    hold: new AbortController().signal,
    onLost: () => {},
  });
  const settled = async <T>(promise: Promise<T>) => {
    await clock.advance(0);
    return promise;
  };
  return { clock, store, pauses, till, buyer, settled };
}

suite('a call that has no room by its bytes', () => {
  for (const limits of [{ perEvent: { tokens: 500 } }, { perDay: { tokens: 500 } }, { perMonth: { tokens: 500 } }]) {
    const [name] = Object.keys(limits);
    test(`of ${name}, and that the provider does not count just now, has failed as the count has`, async () => {
      const failure = new ModelError('RateLimited', 'slow down', { usage: 'none' });
      const { till, buyer, settled } = tillWith(limits, () => Promise.reject(failure));
      assert.deepEqual(await settled(till.reserve(buyer('e'), request)), { failed: failure });
    });

    test(`of ${name}, and that the provider cannot count, is given up`, async () => {
      const refusal = new ModelError('ModelNotFound', 'no such path', { usage: 'none' });
      for (const counter of [undefined, () => Promise.reject(refusal)]) {
        const { till, buyer, settled } = tillWith(limits, counter);
        const answer = await settled(till.reserve(buyer('e'), request));
        assert.ok('outcome' in answer && answer.outcome.kind === 'permanent', JSON.stringify(answer));
      }
    });
  }

  test('is bought where it has room by the count', async () => {
    const { till, buyer, settled } = tillWith({ perDay: { tokens: 500 } }, async () => 100);
    assert.ok('settle' in (await settled(till.reserve(buyer('e'), request))));
  });
});

test('events that wait behind one that had begun grow no older by it', async () => {
  const { clock, store, pauses, till, buyer, settled } = tillWith({ perDay: { tokens: 2500 } });
  const begun = { amount: { nanoUsd: 0, tokens: 2000 }, until: clock.now() + 600_000 };
  const ledger: Ledger = { ...EMPTY_LEDGER, claimants: { begun } };
  await settled(store.replaceCell({ owner: agent, name: 'budget' }, 0, JSON.stringify(ledger), 3_600_000));
  const startedAt = clock.now();
  for (let round = 0; round < 30; round += 1) {
    const answer = await settled(till.reserve(buyer(`event ${round}`), request));
    assert.deepEqual(answer, { outcome: { kind: 'wait', reason: 'Behind' } });
    const [from, until] = pauses.at(-1) ?? [0, 0];
    assert.ok(from === startedAt && until >= clock.now() + WAIT_MS, 'until it comes again');
    await clock.advance(WAIT_MS / 2 + round * 100);
  }
  assert.ok(pauses.length < 20, `noted ${pauses.length} times`);
});
