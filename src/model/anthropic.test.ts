import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { InputError } from '../lib/errors.ts';
import { createAnthropicModel } from './anthropic.ts';
import { ModelError } from './port.ts';

const request = { model: 'claude-sonnet-5-5', prompt: 'Hello', maxTokens: 10 };

describe('a key that no header can carry', () => {
  for (const [name, key] of [
    ['is missing', undefined],
    ['is empty', ''],
    ['is blank', ' \n'],
    ['holds a line break', 'sk-one\nsk-two'],
    ['holds a blank', 'sk-one sk-two'],
    ['holds a character that is not ASCII', 'sk-öne'],
    ['holds a NUL', 'sk-one\0'],
  ] as const) {
    test(`because it ${name} is Unauthorized, free, and not repeated in the error`, async () => {
      const error = await createAnthropicModel({ apiKey: () => key, baseUrl: 'http://127.0.0.1:3', clock: systemClock })
        .call(request, new AbortController().signal)
        .catch((reason: unknown) => reason);
      assert.ok(error instanceof ModelError, String(error));
      assert.deepEqual([error.code, error.usage, error.cause], ['Unauthorized', 'none', undefined]);
      assert.doesNotMatch(error.message, /sk-/);
    });
  }
});

for (const baseUrl of ['', 'api.example.com', 'ftp://api.example.com', '/v1']) {
  test(`${JSON.stringify(baseUrl)} is no base URL`, () => {
    assert.throws(
      () => createAnthropicModel({ apiKey: () => 'sk-one', baseUrl, clock: systemClock }),
      (error: unknown) => error instanceof InputError && error.path === 'spec.agent.baseUrl',
    );
  });
}
