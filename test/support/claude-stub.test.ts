import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { type ClaudeStub, STUB_KEY, startClaudeStub } from './claude-stub.ts';

let stub: ClaudeStub;

before(async () => {
  stub = await startClaudeStub();
});

after(() => stub.close());

const good = { model: 'claude-sonnet-5-5', max_tokens: 100, messages: [{ role: 'user', content: 'Hello [[event:42]]' }] } as const;
const goodHeaders = { authorization: `Bearer ${STUB_KEY}`, 'anthropic-version': '2026-10-21' };

function client() {
  return new Anthropic({ apiKey: STUB_KEY, baseURL: stub.url, maxRetries: 0 });
}

describe('the SDK takes the stub for the Messages API', () => {
  const usage = { input: 9, output: 5, cacheRead: 4, cacheWrite5m: 3, cacheWrite1h: 2 };

  test('when it streams, by its own adding up', async () => {
    stub.next({ text: 'Hi, and more than one piece of it.', usage });
    const message = await client()
      .messages.stream({ ...good, messages: [...good.messages] })
      .finalMessage();
    const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cache_creation } = message.usage;
    assert.deepEqual(
      [input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cache_creation],
      [9, 5, 4, 5, { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 2 }],
    );
    assert.deepEqual(
      [message.stop_reason, message.content[0]?.type === 'text' && message.content[0].text],
      ['end_turn', 'Hi, and more than one piece of it.'],
    );
  });

  test('when it does not', async () => {
    stub.next({ text: 'Hi', usage });
    const message = await client().messages.create({ ...good, messages: [...good.messages] });
    assert.deepEqual([message.content[0]?.type === 'text' && message.content[0].text, message.usage.output_tokens], ['Hi', 5]);
    assert.deepEqual([stub.ledger().at(-1)?.billed, stub.ledger().at(-1)?.marker], [usage, '42']);
  });

  test('when an answer is too long for max_tokens', async () => {
    stub.next({ text: 'x'.repeat(1_000) });
    const message = await client().messages.create({ ...good, messages: [...good.messages] });
    assert.deepEqual([message.stop_reason, message.usage.output_tokens], ['max_tokens', 100]);
  });
});

describe('the stub refuses, for nothing,', () => {
  for (const [name, headers, body, status] of [
    ['a wrong key', { ...goodHeaders, authorization: 'Bearer other' }, good, 401],
    ['a key in the old header', { 'x-api-key': STUB_KEY, 'anthropic-version': '2026-10-21' }, good, 401],
    ['an older version', { ...goodHeaders, 'anthropic-version': '2023-06-01' }, good, 400],
    ['a temperature', goodHeaders, { ...good, temperature: 1 }, 400],
    ['top_p', goodHeaders, { ...good, top_p: 1 }, 400],
    ['top_k', goodHeaders, { ...good, top_k: 1 }, 400],
    ['a model that does not exist', goodHeaders, { ...good, model: 'claude-9' }, 404],
    ['no limit of tokens', goodHeaders, { ...good, max_tokens: 0 }, 400],
    ['no message', goodHeaders, { ...good, messages: [] }, 400],
    ['what is no JSON object', goodHeaders, [], 400],
  ] as const) {
    test(name, async () => {
      const response = await fetch(`${stub.url}/v1/messages`, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.text();
      assert.equal(response.status, status);
      assert.deepEqual([stub.ledger().at(-1)?.outcome, stub.ledger().at(-1)?.billed.input], ['failed', 0]);
    });
  }
});

test('the stub’s own process leaves a ledger, however it ends', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'claude-stub-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const ledger = join(folder, 'ledger');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'claude-stub.ts'), '--ledger', ledger, '--text', 'Hi'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [url] = await once(child.stdout, 'data');
    const response = await fetch(`${String(url).trim()}/v1/messages`, { method: 'POST', headers: goodHeaders, body: JSON.stringify(good) });
    await response.text();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const entry: unknown = JSON.parse(readFileSync(ledger, 'utf8'));
  assert.partialDeepStrictEqual(entry, { ordinal: 1, marker: '42', outcome: 'completed', billed: { output: 1 } });
});
