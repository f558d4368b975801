import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { costNanoUsd } from '../api/prices.ts';
import { createOfflineModel, OFFLINE_MARKER } from './offline.ts';
import { ModelError } from './port.ts';

const request = { model: 'claude-sonnet-5-5', prompt: 'PR: Make it faster\nWrite a checklist.', maxTokens: 1_024 };

describe('the offline model', () => {
  test('answers with a marked stand-in that shows what would have been asked, for nothing', async () => {
    const turn = await createOfflineModel().call(request, new AbortController().signal);
    assert.ok(turn.text.startsWith(OFFLINE_MARKER));
    assert.ok(turn.text.endsWith(request.prompt));
    assert.deepEqual([turn.model, turn.stopReason, costNanoUsd(turn.model, turn.usage)], [request.model, 'end_turn', 0]);
  });

  test('answers the same to the same, and not the same to something else', async () => {
    const model = createOfflineModel();
    const ask = (prompt: string) => model.call({ ...request, prompt }, new AbortController().signal);
    assert.deepEqual(await ask('one'), await ask('one'));
    assert.notEqual((await ask('one')).text, (await ask('two')).text);
  });

  test('shows the beginning of a long prompt, and never half a character', async () => {
    const turn = await createOfflineModel().call({ ...request, prompt: '😀'.repeat(5_000) }, new AbortController().signal);
    assert.ok(turn.text.length < 1_200 && turn.text.isWellFormed());
    assert.match(turn.text, /😀… \(5000 characters in all\)$/);
  });

  for (const [when, abort] of [
    ['before', (controller: AbortController) => controller.abort()],
    ['after', (controller: AbortController) => queueMicrotask(() => controller.abort())],
  ] as const) {
    test(`is aborted by a signal that comes ${when} the call`, async () => {
      const controller = new AbortController();
      abort(controller);
      const error = await createOfflineModel()
        .call(request, controller.signal)
        .catch((reason: unknown) => reason);
      assert.ok(error instanceof ModelError);
      assert.deepEqual([error.code, error.usage], ['Aborted', 'none']);
    });
  }
});
