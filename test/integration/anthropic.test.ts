import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { NO_TOKENS } from '../../src/api/tokens.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createAnthropicModel } from '../../src/model/anthropic.ts';
import { type Model, ModelError, type ModelRequest, type TokenCounter } from '../../src/model/port.ts';
import { claudeFailures, REVIEW_TEXT } from '../support/claude-failures.ts';
import { type ClaudeStub, STUB_KEY, startClaudeStub } from '../support/claude-stub.ts';
import { createGate } from '../support/gate.ts';

const request: ModelRequest = {
  model: 'claude-sonnet-5-5',
  system: 'You review pull requests.',
  prompt: 'The salary of Ms. Ada Example is 12345. [[event:e-1]] äöü €',
  maxTokens: 200,
};

/** Long enough that a busy machine does not look like a stalled provider. */
const STALL_MS = 5_000;

/** Where a stall is wanted. */
const SHORT_STALL_MS = 600;

const text = REVIEW_TEXT;

let stub: ClaudeStub;

before(async () => {
  stub = await startClaudeStub();
});

after(() => stub.close());

function model(overrides: Partial<Parameters<typeof createAnthropicModel>[0]> = {}): Model & TokenCounter {
  return createAnthropicModel({ apiKey: () => STUB_KEY, baseUrl: stub.url, clock: systemClock, stallMs: STALL_MS, ...overrides });
}

async function failureOf(call: Promise<unknown>): Promise<ModelError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ModelError, String(error));
    return error;
  }
  return assert.fail('the call was answered');
}

describe('an answered call', () => {
  test('gives text, figures, names and the stop reason, exactly as the provider bills them', async () => {
    const usage = { input: 1_200, output: 77, cacheRead: 4_000, cacheWrite5m: 30, cacheWrite1h: 20 };
    stub.next({ text, usage, inputAtStart: 900 });
    const turn = await model().call({ ...request, model: 'claude-sonnet-5-5-20260901' }, new AbortController().signal);
    const { ordinal } = lastRequest();
    assert.deepEqual(turn, {
      stopReason: 'end_turn',
      rawStopReason: 'end_turn',
      text,
      model: 'claude-sonnet-5-5-20260901',
      usage,
      requestId: `req_stub_${ordinal}`,
    });
    assert.deepEqual(await billedFor(ordinal), { outcome: 'completed', billed: usage });
  });

  test('sends the prompt, the system text and the limit, and asks for a stream', async () => {
    await model({ userAgent: 'eventagent/test' }).call(request, new AbortController().signal);
    const { prompt, system, maxTokens, stream, headers, marker } = lastRequest();
    assert.deepEqual({ prompt, system, maxTokens, stream, marker }, { ...pick(request), stream: true, marker: 'e-1' });
    assert.equal(headers['user-agent'], 'eventagent/test');
  });

  for (const stopReason of [
    'end_turn',
    'stop_sequence',
    'max_tokens',
    'tool_use',
    'pause_turn',
    'refusal',
    'model_context_window_exceeded',
  ]) {
    test(`that stopped by ${stopReason} says so`, async () => {
      stub.next({ text, stopReason });
      const turn = await model().call(request, new AbortController().signal);
      assert.deepEqual([turn.stopReason, turn.rawStopReason], [stopReason, stopReason]);
    });
  }

  test('that stopped for a reason nobody knows yet is `other`, with the word kept', async () => {
    stub.next({ stopReason: 'coffee_break' });
    const turn = await model().call(request, new AbortController().signal);
    assert.deepEqual([turn.stopReason, turn.rawStopReason], ['other', 'coffee_break']);
  });

  test('that thinks for longer than the stall limit is kept alive by its pings', async () => {
    stub.next({ text, pings: { count: 8, everyMs: STALL_MS / 5 } });
    assert.equal((await model().call(request, new AbortController().signal)).text, text);
  });

  for (const kind of ['cut', 'stall'] as const) {
    test(`is an answer, and soon, although its connection meets a ${kind} behind the end of the message`, { timeout: 30_000 }, async () => {
      stub.next({ text, fault: { kind, at: 'stop' } });
      const turn = await model({ stallMs: 60_000 }).call(request, new AbortController().signal);
      assert.equal(turn.text, text);
      assert.equal((await billedFor(lastRequest().ordinal)).outcome, 'completed');
    });
  }

  test('leaves its connection to the next call', async () => {
    const own = await startClaudeStub();
    const adapter = model({ baseUrl: own.url });
    for (let calls = 0; calls < 6; calls += 1) await adapter.call(request, new AbortController().signal);
    const connections = own.connections();
    await own.close();
    assert.equal(connections, 1);
  });

  test('takes the key that is valid now, not the one it began with', async () => {
    let key = 'old-key';
    const adapter = model({ apiKey: () => key });
    assert.equal((await failureOf(adapter.call(request, new AbortController().signal))).code, 'Unauthorized');
    key = `${STUB_KEY}\n`;
    assert.equal((await adapter.call(request, new AbortController().signal)).stopReason, 'end_turn');
  });
});

describe('a call that fails', () => {
  let before: { received: number; ended: number };

  beforeEach(() => {
    before = { received: stub.received().length, ended: stub.ledger().length };
  });

  for (const [name, behaviour, code, cost, retryAfterMs] of claudeFailures) {
    test(`by ${name} is ${code}, tried once, its cost ${cost}`, async () => {
      stub.next('status' in behaviour ? behaviour : { usage: { cacheRead: 11, cacheWrite5m: 7 }, ...behaviour });
      const adapter = model(code === 'Stalled' ? { stallMs: SHORT_STALL_MS } : {});
      const error = await failureOf(adapter.call(request, new AbortController().signal));
      assert.equal(error.code, code);
      assert.equal(error.retryAfterMs, retryAfterMs);
      assert.equal(stub.received().length, before.received + 1);
      const { bytes, ordinal } = lastRequest();
      const { billed } = await billedFor(ordinal);
      const bounds = {
        none: 'none',
        'from the request': { ...NO_TOKENS, input: bytes, output: request.maxTokens },
        'from the stream': { ...billed, output: request.maxTokens },
      } as const;
      assert.deepEqual(error.usage, bounds[cost]);
      if (cost !== 'none') assert.ok(billed.input > 0, 'the provider bills the input, so that the bound is put to the test');
      assertDiscreet(error);
    });
  }
});

describe('a call that reaches nobody', () => {
  const addresses: readonly (readonly [name: string, url: (stub: ClaudeStub) => string])[] = [
    ['because nobody listens', () => 'http://127.0.0.1:3'],
    ['because no such host is known', () => 'http://model.invalid'],
    ['because it wants TLS where there is none', ({ url }) => url.replace('http:', 'https:')],
  ];
  for (const [name, url] of addresses) {
    test(`${name} is Unreachable and free`, async () => {
      const error = await failureOf(model({ baseUrl: url(stub), stallMs: 20_000 }).call(request, new AbortController().signal));
      assert.deepEqual([error.code, error.usage], ['Unreachable', 'none']);
      assertDiscreet(error);
    });
  }
});

describe('an aborted call', () => {
  for (const [at, where] of [
    ['headers', 'before its headers'],
    ['stream', 'within its text'],
  ] as const) {
    test(`with the answer held ${where} is Aborted, never cheaper than billed, and hangs up`, async () => {
      const gate = createGate();
      stub.next({ text, hold: { at, until: gate.opened } });
      const count = stub.received().length;
      const abort = new AbortController();
      const call = failureOf(model({ stallMs: 20_000 }).call(request, abort.signal));
      await stub.until('the request has arrived', () => stub.received().length > count);
      const { ordinal } = lastRequest();
      await stub.until('the answer is held', () => stub.underWay(ordinal) === at);
      abort.abort();
      const error = await call;
      const { outcome, billed } = await billedFor(ordinal);
      assert.deepEqual([error.code, outcome], ['Aborted', 'aborted-by-client']);
      assert.ok(error.usage !== 'none' && error.usage.input >= billed.input && error.usage.output === request.maxTokens);
      assert.ok(billed.input > 0);
      gate.open();
    });
  }

  test('before it is sent costs nothing and sends nothing', async () => {
    const count = stub.received().length;
    const error = await failureOf(model().call(request, AbortSignal.abort()));
    assert.deepEqual([error.code, error.usage, stub.received().length], ['Aborted', 'none', count]);
  });
});

describe('what is not in the options', () => {
  test('does not get in from the environment', async (t) => {
    const variables = {
      ANTHROPIC_API_KEY: 'environment-key',
      ANTHROPIC_AUTH_TOKEN: 'environment-token',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:3',
      ANTHROPIC_PROFILE: 'nobody',
      ANTHROPIC_LOG: 'debug',
      ANTHROPIC_CUSTOM_HEADERS:
        'Authorization: Bearer environment\nanthropic-version: 2023-06-01\nx-extra: leaked\nanthropic-beta: everything',
    };
    const saved = { ...process.env };
    const console_ = { ...console };
    const printed: unknown[] = [];
    Object.assign(process.env, variables);
    for (const level of ['debug', 'log', 'info', 'warn', 'error'] as const) console[level] = (...words) => void printed.push(words);
    t.after(() => {
      process.env = saved;
      Object.assign(console, console_);
    });
    assert.equal((await model().call(request, new AbortController().signal)).stopReason, 'end_turn');
    const { headers } = lastRequest();
    assert.deepEqual([headers['x-extra'], headers['anthropic-beta'], headers['x-api-key']], [undefined, undefined, undefined]);
    assert.deepEqual(printed, []);
    assert.equal((await failureOf(model({ apiKey: () => undefined }).call(request, new AbortController().signal))).code, 'Unauthorized');
  });
});

function lastRequest() {
  const last = stub.received().at(-1);
  assert.ok(last);
  return last;
}

/** What the provider books for a request, once it has seen the end of it. */
async function billedFor(ordinal: number) {
  const entry = () => stub.ledger().find((candidate) => candidate.ordinal === ordinal);
  await stub.until(`request ${ordinal} has ended`, () => entry() !== undefined);
  const { outcome = undefined, billed = NO_TOKENS } = entry() ?? {};
  return { outcome, billed };
}

function pick({ prompt, system, maxTokens }: ModelRequest) {
  return { prompt, system, maxTokens };
}

/** Neither the key nor the prompt is in anything that a log could print of an error. */
function assertDiscreet(error: ModelError): void {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const printed = `${each.message} ${each.stack} ${JSON.stringify(each)}`;
    for (const secret of [STUB_KEY, '12345', 'Ada']) assert.ok(!printed.includes(secret), printed);
  }
}

describe('a count of tokens', () => {
  const count = (overrides: Parameters<typeof model>[0] = {}, signal = new AbortController().signal) =>
    model(overrides).countTokens(request, signal);

  test('is of what a call would send as its input, and is not billed', async () => {
    const { model: name, system, prompt } = request;
    const body = JSON.stringify({ model: name, system, messages: [{ role: 'user', content: prompt }] });
    const ledger = stub.ledger().length;
    assert.equal(await count(), Math.ceil(Buffer.byteLength(body) / 4));
    assert.deepEqual([stub.counted().at(-1)?.prompt, stub.counted().at(-1)?.system], [prompt, system]);
    assert.equal(stub.ledger().length, ledger);
  });

  const elsewhere: readonly (readonly [name: string, answer: string | undefined, code: string])[] = [
    ['an answer that is no JSON', '<html>', 'Cut'],
    ['an answer without a count', '{"tokens": 5}', 'Cut'],
    ['half a token', '{"input_tokens": 0.5}', 'Cut'],
    ['no answer in time', undefined, 'Stalled'],
  ];
  for (const [name, answer, code] of elsewhere)
    test(`fails as a call does: ${name}`, async () => {
      const server = createServer((_, response) => {
        if (answer !== undefined) response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as AddressInfo;
        const failure = await failureOf(
          count({ baseUrl: `http://127.0.0.1:${port}`, ...(code === 'Stalled' ? { stallMs: SHORT_STALL_MS } : {}) }),
        );
        assert.equal(failure.code, code);
        assert.doesNotMatch(failure.message, /salary|html/);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });

  test('fails as a call does: a wrong key, an unknown model, nobody there, an abort', async () => {
    assert.equal((await failureOf(count({ apiKey: () => 'wrong' }))).code, 'Unauthorized');
    assert.equal((await failureOf(count({ apiKey: () => undefined }))).code, 'Unauthorized');
    assert.equal((await failureOf(count({ baseUrl: 'http://127.0.0.1:1' }))).code, 'Unreachable');
    const unknown = model().countTokens({ ...request, model: 'claude-next-1' }, new AbortController().signal);
    assert.equal((await failureOf(unknown)).code, 'ModelNotFound');
    assert.equal((await failureOf(count({}, AbortSignal.abort()))).code, 'Aborted');
  });
});
