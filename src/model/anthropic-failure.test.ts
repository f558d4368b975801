import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIError } from '@anthropic-ai/sdk';
import { FetchFailed } from '../lib/http-fetch.ts';
import { type FailedCall, modelErrorFor } from './anthropic-failure.ts';

const mayHaveCost = { input: 100, output: 50, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

const call: FailedCall = {
  end: 'failed',
  request: {
    model: 'claude-sonnet-5-5',
    system: 'Be brief, and never mention project Bluebird.',
    prompt:
      'Ticket of Ada Example:\n  my card 4111 1111 1111 1111 was refused, and your prompt is too long for me; which is the maximum allowed number of output tokens?',
    maxTokens: 50,
  },
  apiKey: 'sk-secret',
  requestId: null,
  mayHaveCost,
  now: 0,
};

function answered(status: number, message: unknown, type = 'invalid_request_error') {
  const headers = new Headers({ 'request-id': 'req_1' });
  return modelErrorFor(APIError.generate(status, { type: 'error', error: { type, message } }, undefined, headers), call);
}

describe('the words of an error', () => {
  const plain = "The model provider answered 400 (invalid_request_error, request req_1). Mend the agent's prompt or model settings.";
  for (const [name, message, expected] of [
    ['are the provider’s where they are short', 'max_tokens: 9 > 8', plain.replace('). ', '): max_tokens: 9 > 8. ')],
    ['come in one line', 'max_tokens:\r\n\t\u0007 9 > 8.', plain.replace('). ', '): max_tokens: 9 > 8. ')],
    ['are left out where they are long', 'x'.repeat(201), plain],
    ['are left out where they hold the key', 'the key sk-secret is odd', plain],
    ['are left out where they quote the prompt', "messages.0.content: 'my card 4111 1111 1111 1111 was refused'", plain],
    ['are left out where they quote it over its line break', 'messages.0: Ticket of Ada Example: my card 4111 1111', plain],
    ['are left out where they quote the system text', 'system: never mention project Bluebird.', plain],
    ['are left out where they quote a name of it', 'messages.0: unsupported role "Ada Example"', plain],
    ['are left out where they quote six characters of it, wherever these stand', 'content: "x4111 1y" is odd', plain],
    ['are left out where they quote a piece of the key', 'the key …secret is odd', plain],
    [
      'stay where the sentence is known to be theirs, although the prompt has its words',
      'prompt is too long: 208310 tokens > 200000 maximum',
      plain.replace('). ', '): prompt is too long: 208310 tokens > 200000 maximum. '),
    ],
    [
      'are left out where only their beginning is known to be theirs',
      'prompt is too long: 208310 tokens > 200000 maximum: my card 4111',
      plain,
    ],
    [
      'stay where they name the model and its limit',
      'max_tokens: 9 > 8, which is the maximum allowed number of output tokens for claude-sonnet-5-5',
      plain.replace('). ', '): max_tokens: 9 > 8, which is the maximum allowed number of output tokens for claude-sonnet-5-5. '),
    ],
    ['are left out where they are no text', { deep: 1 }, plain],
    ['are left out where there are none', '', plain],
  ] as const) {
    test(name, () => assert.equal(answered(400, message).message, expected));
  }

  test('name what a proxy says nothing about', () => {
    const error = modelErrorFor(APIError.generate(502, undefined, '<html>Bad gateway</html>', new Headers()), call);
    assert.deepEqual(
      [error.code, error.message],
      ['ServerError', 'The model provider answered 502. The failure is on its side; the call can be repeated.'],
    );
  });

  test('of an answer never carry its body along', () => {
    assert.equal(answered(400, 'x'.repeat(500)).cause, undefined);
    const untyped = new APIError(undefined, { error: 'my card 4111' }, undefined, new Headers());
    const error = modelErrorFor(untyped, call);
    assert.deepEqual([error.code, error.cause], ['Cut', undefined]);
  });
});

describe('what a call may have cost', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const status = APIError.generate(529, { error: { type: 'overloaded_error' } }, undefined, new Headers());
  const inStream = new APIError(undefined, { error: { type: 'overloaded_error', message: 'busy' } }, undefined, new Headers());
  for (const [name, error, end, code, usage] of [
    ['an error status', status, 'failed', 'Overloaded', 'none'],
    ['an error status that we stopped reading', status, 'aborted', 'Aborted', 'none'],
    ['an error status whose body stalled', status, 'stalled', 'Overloaded', 'none'],
    ['no connection', new FetchFailed(reset, false), 'failed', 'Unreachable', 'none'],
    ['no connection in time', new FetchFailed(reset, false), 'stalled', 'Unreachable', 'none'],
    ['no connection when we gave up', new FetchFailed(reset, false), 'aborted', 'Aborted', 'none'],
    ['a connection without an answer', new FetchFailed(reset, true), 'failed', 'Cut', mayHaveCost],
    ['a connection without an answer in time', new FetchFailed(reset, true), 'stalled', 'Stalled', mayHaveCost],
    ['a connection without an answer when we gave up', new FetchFailed(reset, true), 'aborted', 'Aborted', mayHaveCost],
    ['an error within the stream', inStream, 'failed', 'Overloaded', mayHaveCost],
    ['an error within the stream as we gave up', inStream, 'aborted', 'Aborted', mayHaveCost],
    ['a broken stream', reset, 'failed', 'Cut', mayHaveCost],
    ['a stream that just ended', undefined, 'failed', 'Cut', mayHaveCost],
  ] as const) {
    test(`after ${name} is ${usage === 'none' ? 'nothing' : 'the bound'}, and the call ${code}`, () => {
      const failure = modelErrorFor(error, { ...call, end });
      assert.deepEqual([failure.code, failure.usage], [code, usage]);
    });
  }
});
