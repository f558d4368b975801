import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { traceContextOf } from '../../src/lib/trace-context.ts';
import { STUB_KEY, startClaudeStub } from '../support/claude-stub.ts';
import { type DevProcess, manifestFolder, startDev } from '../support/dev-process.ts';
import { settled } from '../support/dev-stage.ts';
import { githubDelivery } from '../support/github-delivery.ts';
import { deliver } from '../support/github-sender.ts';
import { type HttpSink, startHttpSink } from '../support/http-sink.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { reviewAgent, WEBHOOK_SECRET } from '../support/review-agent.ts';
import { type CollectedSpan, type SpanCollector, startSpanCollector } from '../support/span-collector.ts';

const KIND = { server: 2, client: 3, producer: 4, consumer: 5 } as const;

/** The sender's own trace. */
const SENDER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

interface DevStage {
  readonly collector: SpanCollector;
  readonly sink: HttpSink;
  readonly dev: DevProcess;
}

async function onDev(
  environment: (collector: SpanCollector) => NodeJS.ProcessEnv,
  body: (stage: DevStage) => Promise<void>,
  options: { readonly http?: object; readonly delivery?: object } = {},
): Promise<void> {
  const [stub, sink, collector] = await Promise.all([startClaudeStub(), startHttpSink(), startSpanCollector()]);
  try {
    await using folder = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, ...options }));
    await using dev = await startDev([folder.file], environment(collector));
    await body({ collector, sink, dev });
  } finally {
    await Promise.all([stub.close(), sink.close(), collector.close()]);
  }
}

/** As `deliver`, by a sender that traces. */
async function deliverTraced(gatewayUrl: string, id: string): Promise<number> {
  const { headers, body } = githubDelivery(WEBHOOK_SECRET, 'pull_request', JSON.stringify({ title: `change ${id}` }), id);
  const response = await fetch(`${gatewayUrl}/reviewer/github`, {
    method: 'POST',
    headers: { ...(headers as Record<string, string>), traceparent: SENDER },
    body: String(body),
  });
  await response.body?.cancel();
  return response.status;
}

async function stopped(dev: DevProcess): Promise<void> {
  dev.signal('SIGTERM');
  assert.equal(await dev.exit, 0);
}

const byName = (spans: readonly CollectedSpan[], name: string): CollectedSpan => {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name} in ${spans.map((span) => span.name).join(', ')}`);
  return found[0] as CollectedSpan;
};

/** The five steps of an event, each the child of the one before, but for the outputs, which are the run's own. */
function assertOneTrace(spans: readonly CollectedSpan[], services: readonly [gateway: string, runner: string], sinkUrl: string): void {
  const names = ['POST /reviewer/github', 'send ea.test.reviewer', 'process ea.test.reviewer', 'chat claude-sonnet-5-5', 'POST'] as const;
  assert.deepEqual([spans.length, new Set(spans.map(({ name }) => name))], [names.length, new Set(names)]);
  const [request, publish, run, chat, output] = names.map((name) => byName(spans, name));
  assert.ok(request !== undefined && publish !== undefined && run !== undefined && chat !== undefined && output !== undefined);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.deepEqual(
    [publish, run, chat, output].map(({ parentSpanId }) => parentSpanId),
    [request.spanId, publish.spanId, run.spanId, run.spanId],
  );
  assert.deepEqual(
    [request, publish, run, chat, output].map(({ kind, failed }) => [kind, failed]),
    [KIND.server, KIND.producer, KIND.consumer, KIND.client, KIND.client].map((kind) => [kind, false]),
  );
  const [gateway, runner] = services;
  assert.deepEqual(
    [request, publish, run, chat, output].map(({ service }) => service),
    [gateway, gateway, runner, runner, runner],
  );
  assert.deepEqual(request.attributes, {
    'http.request.method': 'POST',
    'http.route': '/reviewer/github',
    'http.response.status_code': 202,
    'eventagent.namespace': 'test',
    'eventagent.agent': 'reviewer',
    'eventagent.trigger': 'github',
    'cloudevents.event_id': 'event-1',
    'cloudevents.event_type': 'github.pull_request',
  });
  const { 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': bought, ...chatted } = chat.attributes;
  assert.ok(Number(input) > 0 && Number(bought) > 0);
  assert.deepEqual(chatted, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': 'claude-sonnet-5-5',
    'gen_ai.request.max_tokens': 256,
    'gen_ai.response.model': 'claude-sonnet-5-5',
  });
  assert.deepEqual(run.attributes, {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'ea.test.reviewer',
    'eventagent.namespace': 'test',
    'eventagent.agent': 'reviewer',
    'eventagent.attempt': 1,
    'eventagent.outcome': 'done',
    'cloudevents.event_id': 'event-1',
    'cloudevents.event_type': 'github.pull_request',
  });
  assert.deepEqual(output.attributes, {
    'http.request.method': 'POST',
    'server.address': new URL(sinkUrl).host,
    'http.response.status_code': 200,
    'eventagent.output': 'sink',
  });
}

/** Nothing of the event, the prompt, the answer or a Secret has left. */
function assertNothingSaid(collector: SpanCollector): void {
  const all = JSON.stringify(collector.received());
  for (const word of ['change event-1', 'Review:', 'Stub answer', STUB_KEY, WEBHOOK_SECRET, 'sink-token'])
    assert.ok(!all.includes(word), `${word} was exported`);
}

suite('OpenTelemetry', { concurrency: 2 }, () => {
  test('gateway and runner as processes of their own make one trace of an event', (t) =>
    onPodsStage(t, '4.3', async ({ sink, start }) => {
      const collector = await startSpanCollector();
      try {
        const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
        const [gateway, runner] = [await start('gateway', {}, tracing), await start('runner', {}, tracing)];
        await Promise.all([gateway.untilReady(), runner.untilReady()]);
        assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
        await settled(runner, 'event-1');
        for (const pod of [gateway, runner]) {
          pod.signal('SIGTERM');
          assert.equal(await pod.exit, 0);
        }
        assertOneTrace(collector.spans(), ['eventagent-gateway', 'eventagent-runner'], sink.url);
        assert.equal(traceContextOf(String(sink.requests()[0]?.headers.traceparent))?.spanId, byName(collector.spans(), 'POST').spanId);
        assertNothingSaid(collector);
      } finally {
        await collector.close();
      }
    }));

  test("dev makes one trace of an event, within its sender's", () =>
    onDev(
      ({ url }) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }),
      async ({ collector, sink, dev }) => {
        assert.equal(await deliverTraced(dev.gatewayUrl, 'event-1'), 202);
        await settled(dev, 'event-1');
        await stopped(dev);
        assertOneTrace(collector.spans(), ['eventagent-dev', 'eventagent-dev'], sink.url);
        const { traceId, parentSpanId } = byName(collector.spans(), 'POST /reviewer/github');
        assert.deepEqual([traceId, parentSpanId], ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']);
        assertNothingSaid(collector);
      },
    ));

  test('every attempt is a span of its own in the trace, and a failure says its reason', () =>
    onDev(
      ({ url }) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }),
      async ({ collector, sink, dev }) => {
        sink.script(({ ordinal }) => (ordinal === 1 ? { status: 500 } : undefined));
        assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
        await settled(dev, 'event-1');
        await stopped(dev);
        const runs = collector.spans().filter(({ kind }) => kind === KIND.consumer);
        assert.deepEqual(
          runs.map(({ attributes, failed, parentSpanId }) => [
            attributes['eventagent.attempt'],
            attributes['eventagent.outcome'],
            attributes['error.type'],
            failed,
            parentSpanId,
          ]),
          [
            [1, 'retried', 'OutputServerError', true, byName(collector.spans(), 'send ea.test.reviewer').spanId],
            [2, 'done', undefined, false, byName(collector.spans(), 'send ea.test.reviewer').spanId],
          ],
        );
        assert.equal(new Set(collector.spans().map(({ traceId }) => traceId)).size, 1);
      },
      { delivery: { retryDelaysSeconds: [1] } },
    ));

  test('a collector that is away costs the spans and nothing else', () =>
    onDev(
      () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }),
      async ({ sink, dev }) => {
        assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
        assert.equal((await settled(dev, 'event-1')).outcome, 'done');
        await stopped(dev);
        assert.equal(sink.requests().length, 1);
        const said = dev.lines().filter(({ msg }) => msg === 'spans are dropped until the collector takes them');
        assert.deepEqual(
          said.map(({ level, error }) => [level, error]),
          [['warn', 'ECONNREFUSED']],
        );
      },
    ));

  test('without an endpoint nothing is traced: no trace context goes out but the sender’s own within the event', () =>
    onDev(
      () => ({ OTEL_SERVICE_NAME: 'not-asked' }),
      async ({ collector, sink, dev }) => {
        assert.equal(await deliverTraced(dev.gatewayUrl, 'event-1'), 202);
        await settled(dev, 'event-1');
        await stopped(dev);
        assert.deepEqual(collector.received(), []);
        assert.equal(sink.requests()[0]?.headers.traceparent, undefined);
      },
    ));

  test('an endpoint that is none is said at the start', async () => {
    await using folder = await manifestFolder(reviewAgent({ claudeUrl: 'http://127.0.0.1:9', sinkUrl: 'http://127.0.0.1:9' }));
    await assert.rejects(
      startDev([folder.file], { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }),
      /ended with 2 .*OTEL_EXPORTER_OTLP_ENDPOINT must be/s,
    );
  });
});
