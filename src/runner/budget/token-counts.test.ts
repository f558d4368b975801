import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createVirtualClock } from '../../../test/support/virtual-clock.ts';
import { NO_TOKENS } from '../../api/tokens.ts';
import { silentLog } from '../../lib/log.ts';
import { ModelError, type ModelRequest, type TokenCounter } from '../../model/port.ts';
import { countedUsage, TokenCounts } from './token-counts.ts';

suite('what a call can use by a count', () => {
  const rows: readonly (readonly [name: string, bytes: number, counted: number, want: number])[] = [
    ['a tenth and a hundred tokens more', 10_000, 1000, 1200],
    ['rounded up', 10_000, 1001, 1202],
    ['nothing counted', 10_000, 0, 100],
    ['never more than its bytes', 1150, 1000, 1150],
  ];
  for (const [name, bytes, counted, want] of rows)
    test(name, () =>
      assert.deepEqual(countedUsage({ ...NO_TOKENS, input: bytes, output: 50 }, counted), { ...NO_TOKENS, input: want, output: 50 }),
    );
});

const request = (prompt: string): ModelRequest => ({ model: 'm', prompt, maxTokens: 10 });

/** Counts by a counter that is asked with a clock that stands still. */
function counting(countTokens: TokenCounter['countTokens']) {
  const clock = createVirtualClock(0);
  const asked: string[] = [];
  const counter: TokenCounter = {
    countTokens: (one, signal) => {
      asked.push(one.prompt);
      return countTokens(one, signal);
    },
  };
  const counts = new TokenCounts(counter, { clock, log: silentLog });
  return { clock, asked, of: (prompt: string, signal = new AbortController().signal) => counts.of(request(prompt), signal) };
}

/** Never counts, until it is told to stop. */
const hangs: TokenCounter['countTokens'] = (_, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new ModelError('Aborted', 'aborted', { usage: 'none' })), { once: true });
  });

suite('counts of a provider', () => {
  test('are asked for once a request, as long as they are remembered', async () => {
    const { asked, of } = counting(async ({ prompt }) => prompt.length);
    for (const prompt of ['one', 'three', 'one', 'three']) assert.equal(await of(prompt), prompt.length);
    assert.deepEqual(asked, ['one', 'three']);
    for (let other = 0; other < 256; other += 1) await of(`other ${other}`);
    await of('one');
    assert.equal(asked.filter((prompt) => prompt === 'one').length, 2, 'the oldest is forgotten');
  });

  for (const [code, isPassing] of [
    ['RateLimited', true],
    ['Overloaded', true],
    ['Unauthorized', true],
    ['ServerError', true],
    ['ModelNotFound', false],
    ['BadRequest', false],
  ] as const)
    test(`that fail with ${code} are ${isPassing ? 'that failure' : 'none'}, and are asked for again`, async () => {
      const failure = new ModelError(code, code, { usage: 'none' });
      let fails = true;
      const { asked, of } = counting(async () => {
        if (fails) throw failure;
        return 7;
      });
      assert.equal(await of('one'), isPassing ? failure : undefined);
      fails = false;
      assert.equal(await of('one'), 7);
      assert.equal(asked.length, 2);
    });

  test('that do not come within ten seconds are a failure of the provider', async () => {
    const { clock, of } = counting(hangs);
    const counted = of('one');
    await clock.advance(10_000);
    const failure = await counted;
    assert.ok(failure instanceof ModelError);
    assert.equal(failure.code, 'Overloaded');
  });

  test('are not waited for when nobody may wait any more', async () => {
    const stop = new AbortController();
    const { of } = counting(hangs);
    const counted = of('one', stop.signal);
    stop.abort(new Error('stop'));
    assert.equal(await counted, undefined);
  });

  test('of a counter with a fault of its own are an error', async () => {
    const { of } = counting(async () => {
      throw new TypeError('a fault');
    });
    await assert.rejects(of('one'), TypeError);
  });
});
