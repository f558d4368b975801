import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type SpanCollector, startSpanCollector } from '../../test/support/span-collector.ts';
import { systemClock } from './clock.ts';
import { readEnvironment } from './environment.ts';
import { InputError, messageOf } from './errors.ts';
import { createLog } from './log.ts';
import { tracerFor, tracingVariables } from './otlp-environment.ts';

let collector: SpanCollector;
before(async () => {
  collector = await startSpanCollector();
});
after(() => collector.close());

const tracerWith = (environment: NodeJS.ProcessEnv) =>
  tracerFor(readEnvironment(tracingVariables('eventagent-test'), environment), {
    clock: systemClock,
    log: createLog('json', () => {}),
    onDropped: () => {},
  });

/** What arrives for one span. */
async function oneSpan(environment: NodeJS.ProcessEnv) {
  const before = collector.received().length;
  const tracer = tracerWith(environment);
  const span = tracer.start('a', { kind: 'server' });
  span.end();
  await tracer.close();
  return { span, requests: collector.received().slice(before) };
}

describe('tracing by the environment', () => {
  test('is off without an endpoint: no trace context is made, nothing is sent', async () => {
    const { span, requests } = await oneSpan({ OTEL_EXPORTER_OTLP_HEADERS: 'not read', OTEL_SERVICE_NAME: 'x' });
    assert.deepEqual([span.traceparent, requests], [undefined, []]);
  });

  test('goes to /v1/traces below the endpoint, whether that ends in a slash or not', async () => {
    for (const end of ['', '/'])
      assert.equal((await oneSpan({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base${end}` })).requests[0]?.path, '/base/v1/traces');
  });

  test('goes to the endpoint for traces as it is, before the other one', async () => {
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/own?a=b`,
    };
    assert.equal((await oneSpan(environment)).requests[0]?.path, '/own?a=b');
  });

  test('carries headers and says what the process is', async () => {
    const { requests } = await oneSpan({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20t0ken%3D, x-tenant=a',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod,service.name=overruled',
      OTEL_SERVICE_NAME: 'mine',
    });
    assert.deepEqual([requests[0]?.headers.authorization, requests[0]?.headers['x-tenant']], ['Bearer t0ken=', 'a']);
    const { attributes } = JSON.parse(requests[0]?.body ?? '').resourceSpans[0].resource;
    const said = Object.fromEntries(
      attributes.map(({ key, value }: { key: string; value: { stringValue: string } }) => [key, value.stringValue]),
    );
    assert.deepEqual([said['service.name'], said['deployment.environment.name']], ['mine', 'prod']);
    assert.match(said['service.version'], /^\d+\.\d+\.\d+/);
    assert.equal(collector.spans().at(-1)?.service, 'mine');
    await oneSpan({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    assert.equal(collector.spans().at(-1)?.service, 'eventagent-test');
  });

  const wrong: readonly (readonly [variable: string, value: string])[] = [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'hunter2:4317'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://hunter2@collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://:hunter2@collector:4318'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'collector/hunter2'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'hunter2'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=hunter2'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=hunter2%0d%0a'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=hunter2%'],
    ['OTEL_RESOURCE_ATTRIBUTES', '=hunter2'],
  ];
  for (const [variable, value] of wrong)
    test(`refuses ${variable}=${value}, and does not repeat it`, () =>
      assert.throws(
        () => tracerWith({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, [variable]: value }),
        (error) =>
          error instanceof InputError &&
          error.code === 'Usage' &&
          messageOf(error).includes(variable) &&
          !messageOf(error).includes('hunter2'),
      ));
});
