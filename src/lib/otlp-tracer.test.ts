import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { type SpanCollector, startSpanCollector } from '../../test/support/span-collector.ts';
import { type Clock, systemClock } from './clock.ts';
import { createLog } from './log.ts';
import { OtlpTracer } from './otlp-tracer.ts';
import { traceContextOf } from './trace-context.ts';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const NOBODY = 'http://127.0.0.1:9/v1/traces';

let collector: SpanCollector;
before(async () => {
  collector = await startSpanCollector();
});
after(() => collector.close());

function tracing({ clock = systemClock, endpoint = `${collector.url}/v1/traces` }: { clock?: Clock; endpoint?: string } = {}) {
  const lines: { msg: string; level: string; error?: string; dropped?: number }[] = [];
  const dropped: number[] = [];
  const tracer = new OtlpTracer({
    endpoint: new URL(endpoint),
    headers: { 'x-key': 'of-the-collector' },
    resource: { 'service.name': 'test' },
    clock,
    log: createLog('json', (line) => lines.push(JSON.parse(line))),
    onDropped: (spans) => dropped.push(spans),
  });
  return { tracer, lines, dropped, droppedInAll: () => dropped.reduce((sum, spans) => sum + spans, 0) };
}

describe('a tracer', () => {
  test('sends what has ended when it is closed: names, kinds, times, attributes of each type, failures', async () => {
    const clock = createManualClock(Date.UTC(2026, 0, 1));
    const { tracer, dropped } = tracing({ clock });
    const sent = collector.received().length;
    const outer = tracer.start('outer', { kind: 'server', startedAt: clock.now() - 250, attributes: { text: 'ü', yes: true } });
    const inner = tracer.start('inner', { kind: 'client', parent: outer.traceparent });
    tracer.start('never ended', { kind: 'client' });
    clock.advance(1_000);
    inner.set({ count: 3, share: 0.5 });
    inner.end('Broken');
    inner.end();
    outer.end();
    await tracer.close();

    const [request, ...others] = collector.received().slice(sent);
    assert.deepEqual([request?.path, request?.headers['x-key'], others], ['/v1/traces', 'of-the-collector', []]);
    const [outerAt, innerAt] = [traceContextOf(outer.traceparent), traceContextOf(inner.traceparent)];
    assert.ok(outerAt !== undefined && innerAt !== undefined && outerAt.traceId === innerAt.traceId && outerAt.spanId !== innerAt.spanId);
    const { traceId } = outerAt;
    const nano = (ms: number) => `${Date.UTC(2026, 0, 1) + ms}000000`;
    assert.deepEqual(JSON.parse(request?.body ?? '').resourceSpans, [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'test' } }] },
        scopeSpans: [
          {
            scope: JSON.parse(request?.body ?? '').resourceSpans[0].scopeSpans[0].scope,
            spans: [
              {
                traceId,
                spanId: innerAt.spanId,
                parentSpanId: outerAt.spanId,
                flags: 1,
                name: 'inner',
                kind: 3,
                startTimeUnixNano: nano(0),
                endTimeUnixNano: nano(1_000),
                attributes: [
                  { key: 'count', value: { intValue: '3' } },
                  { key: 'share', value: { doubleValue: 0.5 } },
                  { key: 'error.type', value: { stringValue: 'Broken' } },
                ],
                status: { code: 2 },
              },
              {
                traceId,
                spanId: outerAt.spanId,
                flags: 1,
                name: 'outer',
                kind: 2,
                startTimeUnixNano: nano(-250),
                endTimeUnixNano: nano(1_000),
                attributes: [
                  { key: 'text', value: { stringValue: 'ü' } },
                  { key: 'yes', value: { boolValue: true } },
                ],
                status: {},
              },
            ],
          },
        ],
      },
    ]);
    assert.deepEqual(dropped, []);
    assert.equal(clock.pending(), 0);
  });

  test('continues a trace, and begins one where there is no context that can be read', async () => {
    const { tracer } = tracing();
    const continued = traceContextOf(tracer.start('a', { kind: 'server', parent: PARENT }).traceparent);
    assert.equal(continued?.traceId, '4bf92f3577b34da6a3ce929d0e0e4736');
    assert.notEqual(continued?.spanId, '00f067aa0ba902b7');
    for (const parent of [undefined, '', 'nonsense', `${PARENT} `, PARENT.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32))]) {
      const begun = traceContextOf(tracer.start('a', { kind: 'server', parent }).traceparent);
      assert.ok(begun?.sampled === true && begun.traceId !== '4bf92f3577b34da6a3ce929d0e0e4736', parent);
    }
    await tracer.close();
  });

  test('records nothing of a trace that is not to be recorded, and hands its context on', async () => {
    const { tracer, dropped } = tracing();
    const sent = collector.received().length;
    const unwanted = PARENT.replace(/01$/, '00');
    const span = tracer.start('a', { kind: 'server', parent: unwanted });
    assert.equal(span.traceparent, unwanted);
    span.end();
    await tracer.close();
    assert.deepEqual([collector.received().length - sent, dropped], [0, []]);
  });

  test('sends after five seconds, or when 512 have come together; one request at a time', async () => {
    const clock = createManualClock();
    const { tracer } = tracing({ clock });
    const seen = collector.spans().length;
    const arrived = (spans: number) => collector.until(`${spans} spans`, () => collector.spans().length === seen + spans);
    tracer.start('a', { kind: 'server' }).end();
    clock.advance(4_999);
    assert.equal(collector.spans().length, seen);
    clock.advance(1);
    await arrived(1);
    for (let count = 0; count < 512; count += 1) tracer.start('b', { kind: 'server' }).end();
    await arrived(513);
    await tracer.close();
  });
});

describe('a collector that does not take spans', () => {
  for (const [name, endpoint, error] of [
    ['is away', () => NOBODY, /^ECONNREFUSED$/],
    ['refuses them', () => collector.url, /^status 503$/],
  ] as const)
    test(`costs nothing but the spans, counted, and is told of once: it ${name}`, async () => {
      collector.answer(503);
      const { tracer, lines, droppedInAll } = tracing({ endpoint: endpoint() });
      for (let batch = 0; batch < 2; batch += 1) {
        for (let count = 0; count < 512; count += 1) tracer.start('a', { kind: 'server' }).end();
        await waitFor(() => droppedInAll() === (batch + 1) * 512);
      }
      collector.answer(200);
      await tracer.close();
      assert.deepEqual(
        lines.map(({ level, msg }) => [level, msg]),
        [['warn', 'spans are dropped until the collector takes them']],
      );
      assert.match(lines[0]?.error ?? '', error);
      assert.ok(!JSON.stringify(lines).includes('of-the-collector'));
    });

  test('is told of again when it is back', async () => {
    collector.answer(503);
    const { tracer, lines, droppedInAll } = tracing();
    for (let count = 0; count < 512; count += 1) tracer.start('a', { kind: 'server' }).end();
    await waitFor(() => droppedInAll() === 512);
    collector.answer(200);
    tracer.start('a', { kind: 'server' }).end();
    await tracer.close();
    assert.deepEqual(
      lines.map(({ msg, dropped }) => [msg, dropped]),
      [
        ['spans are dropped until the collector takes them', undefined],
        ['the collector takes spans again', 512],
      ],
    );
  });

  test('holds at most 2,048 spans and a batch that is under way', async () => {
    collector.answer(0);
    const { tracer, dropped } = tracing();
    for (let count = 0; count < 512 + 2_048 + 7; count += 1) tracer.start('a', { kind: 'server' }).end();
    assert.deepEqual(dropped, [1, 1, 1, 1, 1, 1, 1]);
    await tracer.close();
    collector.answer(200);
  });

  test('holds up the end of the process for two seconds, and what is left is counted', async () => {
    collector.answer(0);
    const { tracer, dropped, lines } = tracing();
    for (let count = 0; count < 600; count += 1) tracer.start('a', { kind: 'server' }).end();
    const before = performance.now();
    await tracer.close();
    const tookMs = performance.now() - before;
    assert.ok(tookMs >= 1_900 && tookMs < 9_000, `${tookMs} ms`);
    assert.deepEqual([dropped, lines.length, lines[0]?.error], [[512, 88], 1, 'no answer in time']);
    tracer.start('late', { kind: 'server' }).end();
    assert.deepEqual(dropped, [512, 88, 1]);
    collector.answer(200);
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'in vain');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
