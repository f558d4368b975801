import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recordingTracer } from '../../test/support/recording-tracer.ts';
import { noTracer, type Span, type Tracer } from '../lib/tracing.ts';
import { type Model, ModelError } from '../model/port.ts';
import type { Answer, OutgoingRequest } from './outputs/send.ts';
import { tracedModel, tracedSend } from './traced.ts';

const run: Span = { traceparent: 'of the run', set: () => {}, end: () => {} };
const { signal } = new AbortController();

describe('an output', () => {
  const outgoing = (headers: Record<string, string>, secretHeaders: Record<string, string> = {}): OutgoingRequest => ({
    output: 'comment',
    request: { method: 'POST', url: 'https://api.example.com:8443/hunter2?q=hunter2', headers, body: 'hunter2' },
    secretHeaders,
    idempotencyKey: 'k',
    allowedHosts: [],
    timeoutMs: 1_000,
  });
  const sent = async (tracer: Tracer, request: OutgoingRequest, answer: Answer = { kind: 'answered', status: 201, rateLimited: false }) => {
    const requests: OutgoingRequest[] = [];
    await tracedSend(
      async (got) => {
        requests.push(got);
        return answer;
      },
      tracer,
      run,
    )(request, signal);
    return requests[0];
  };

  test('is a span with method, host and status, of nothing else', async () => {
    const { tracer, seen } = recordingTracer();
    await sent(tracer, outgoing({ 'content-type': 'text/plain' }));
    assert.deepEqual(seen(), [
      {
        name: 'POST',
        kind: 'client',
        parent: 'of the run',
        attributes: {
          'http.request.method': 'POST',
          'server.address': 'api.example.com:8443',
          'eventagent.output': 'comment',
          'http.response.status_code': 201,
        },
        end: 'well',
      },
    ]);
  });

  const ends: readonly (readonly [answer: Answer, end: string])[] = [
    [{ kind: 'answered', status: 404, rateLimited: false }, '404'],
    [{ kind: 'unknown', error: 'hunter2' }, 'unknown'],
    [{ kind: 'not-sent', error: 'hunter2' }, 'not-sent'],
    [{ kind: 'forbidden', error: 'hunter2' }, 'forbidden'],
  ];
  for (const [answer, end] of ends)
    test(`that fails says how: ${end}`, async () => {
      const { tracer, seen } = recordingTracer();
      await sent(tracer, outgoing({}), answer);
      assert.equal(seen()[0]?.end, end);
      assert.ok(!JSON.stringify(seen()).includes('hunter2'));
    });

  test('carries the trace context, unless the agent has set that header, from a Secret or not, in whatever capitals', async () => {
    const { tracer } = recordingTracer();
    assert.deepEqual((await sent(tracer, outgoing({ a: 'b' })))?.request.headers, { a: 'b', traceparent: 'of POST' });
    assert.deepEqual((await sent(tracer, outgoing({ Traceparent: 'own' })))?.request.headers, { Traceparent: 'own' });
    assert.deepEqual((await sent(tracer, outgoing({}, { traceparent: 'own' })))?.request.headers, {});
  });

  test('goes out as it was where nothing is traced', async () => {
    const request = outgoing({ a: 'b' });
    assert.deepEqual(await sent(noTracer, request), request);
  });
});

describe('a model call', () => {
  const request = { model: 'claude-sonnet-5-5', system: 'hunter2', prompt: 'hunter2', maxTokens: 100 };
  const usage = { input: 1, output: 50, cacheRead: 20, cacheWrite5m: 300, cacheWrite1h: 4_000 };

  test('is a span with the models and all tokens, of nothing that was said', async () => {
    const { tracer, seen } = recordingTracer();
    const turn = {
      stopReason: 'end_turn',
      rawStopReason: 'end_turn',
      text: 'hunter2',
      model: 'claude-sonnet-5-5-20260901',
      usage,
    } as const;
    assert.equal(await tracedModel({ call: async () => turn }, tracer, run).call(request, signal), turn);
    assert.deepEqual(seen(), [
      {
        name: 'chat claude-sonnet-5-5',
        kind: 'client',
        parent: 'of the run',
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'anthropic',
          'gen_ai.request.model': 'claude-sonnet-5-5',
          'gen_ai.request.max_tokens': 100,
          'gen_ai.response.model': 'claude-sonnet-5-5-20260901',
          'gen_ai.usage.input_tokens': 4_321,
          'gen_ai.usage.output_tokens': 50,
        },
        end: 'well',
      },
    ]);
  });

  test('that fails has the code of its error, and fails as before', async () => {
    const { tracer, seen } = recordingTracer();
    const error = new ModelError('Overloaded', 'hunter2', { usage: 'none' });
    const model: Model = { call: () => Promise.reject(error) };
    await assert.rejects(tracedModel(model, tracer, run).call(request, signal), error);
    assert.equal(seen()[0]?.end, 'Overloaded');
    assert.ok(!JSON.stringify(seen()).includes('hunter2'));
  });
});
