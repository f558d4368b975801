import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import { type AnswerSoFar, NO_ANSWER_YET, parseData, turnOf, withEvent } from './anthropic-answer.ts';

/** What a stream of such events amounts to. Events are written as they come over the wire, fields missing at will. */
function answerOf(...events: readonly object[]) {
  return events.reduce<AnswerSoFar>((answer, event) => withEvent(answer, event as RawMessageStreamEvent), NO_ANSWER_YET);
}

const start = (usage: object) => ({ type: 'message_start', message: { model: 'claude-x', content: [], usage } });
const delta = (usage: object, stopReason: string | null = 'end_turn') => ({
  type: 'message_delta',
  delta: { stop_reason: stopReason },
  usage,
});

describe('the figures of a stream', () => {
  const plain = { input: 10, output: 9, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
  const cached = { input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 5, cache_creation_input_tokens: 7 };
  const hour = { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 3 };
  for (const [name, events, usage] of [
    [
      'the output is the last total, not a sum',
      [start({ input_tokens: 10, output_tokens: 1 }), delta({ output_tokens: 4 }), delta({ output_tokens: 9 })],
      plain,
    ],
    ['what a delta leaves out stays', [start(cached), delta({ output_tokens: 9 })], { ...plain, cacheRead: 5, cacheWrite5m: 7 }],
    [
      'null is left out too',
      [start(cached), delta({ output_tokens: 9, input_tokens: null, cache_read_input_tokens: null, cache_creation_input_tokens: null })],
      { ...plain, cacheRead: 5, cacheWrite5m: 7 },
    ],
    [
      'nought is a figure',
      [start(cached), delta({ output_tokens: 9, cache_read_input_tokens: 0 })],
      { ...plain, cacheRead: 0, cacheWrite5m: 7 },
    ],
    [
      'the two caches are told apart',
      [start({ ...cached, cache_creation: hour }), delta({ output_tokens: 9 })],
      { ...plain, cacheRead: 5, cacheWrite5m: 4, cacheWrite1h: 3 },
    ],
    [
      'more was written to the cache by the end',
      [start({ ...cached, cache_creation: hour }), delta({ output_tokens: 9, cache_creation_input_tokens: 20 })],
      { ...plain, cacheRead: 5, cacheWrite5m: 17, cacheWrite1h: 3 },
    ],
    [
      'more input by the end',
      [start(cached), delta({ output_tokens: 9, input_tokens: 30 })],
      { ...plain, input: 30, cacheRead: 5, cacheWrite5m: 7 },
    ],
  ] as const) {
    test(name, () => assert.deepEqual(answerOf(...events).usage, usage));
  }

  for (const wrong of [-1, 1.5, '10', Number.NaN]) {
    test(`${JSON.stringify(wrong)} tokens are refused`, () => {
      assert.throws(() => answerOf(start({ input_tokens: wrong, output_tokens: 1 })), TypeError);
    });
  }
});

describe('the text of a stream', () => {
  const block = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block });
  const piece = (index: number, fields: object) => ({ type: 'content_block_delta', index, delta: fields });

  test('is that of its text blocks, in their order, whatever else comes between', () => {
    const answer = answerOf(
      start({ input_tokens: 1, output_tokens: 1 }),
      block(0, { type: 'thinking', thinking: 'hmm' }),
      piece(0, { type: 'thinking_delta', thinking: 'hidden' }),
      piece(0, { type: 'signature_delta', signature: 'abc' }),
      block(1, { type: 'text', text: 'One' }),
      { type: 'ping' },
      piece(1, { type: 'text_delta', text: ', two' }),
      { type: 'content_block_stop', index: 1 },
      { type: 'a_kind_of_next_year' },
      block(2, { type: 'text', text: '' }),
      piece(2, { type: 'text_delta', text: ', three.' }),
      delta({ output_tokens: 3 }),
    );
    assert.deepEqual([answer.text, answer.complete], ['One, two, three.', false]);
    assert.equal(answerOf({ type: 'message_stop' }).complete, true);
  });

  test('without a reason to stop is a turn that nobody takes for a good one', () => {
    const turn = turnOf(
      answerOf(start({ input_tokens: 1, output_tokens: 1 }), delta({ output_tokens: 3 }, null)),
      { model: 'asked' },
      null,
    );
    assert.deepEqual([turn.stopReason, turn.rawStopReason, turn.model, 'requestId' in turn], ['other', 'none', 'claude-x', false]);
  });

  for (const data of ['<html>secret', 'null', '12', '"text"', '']) {
    test(`${JSON.stringify(data)} is no event, and the error does not repeat it`, () => {
      assert.throws(
        () => parseData(data),
        (error: Error) => error instanceof TypeError && !error.message.includes('secret') && error.cause === undefined,
      );
    });
  }
});
