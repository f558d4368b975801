import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cloudEvent, structured } from '../../test/support/cloud-event.ts';
import { embeddedWorld } from '../../test/support/embedded-gateway.ts';
import { gatewayUnderTest, SECRET } from '../../test/support/gateway-under-test.ts';
import { githubDelivery } from '../../test/support/github-delivery.ts';
import { exchange, type HttpRequest } from '../../test/support/http-exchange.ts';
import { recordingTracer } from '../../test/support/recording-tracer.ts';

const HEADER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const ATTRIBUTE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const traced = structured(cloudEvent({ traceparent: ATTRIBUTE }));
const withHeader = (request: HttpRequest, traceparent: string): HttpRequest => ({
  ...request,
  headers: { ...request.headers, traceparent },
});

/** What the tracer sees of a request, and the trace context of the message that it becomes. */
async function sent(path: string, request: HttpRequest, how: { readonly off?: boolean; readonly isFull?: boolean } = {}) {
  await using world = await embeddedWorld(how.isFull === true ? { 'x-max-length': 1 } : {});
  const { tracer, seen } = recordingTracer();
  await using gateway = await gatewayUnderTest(world.connection, how.off === true ? {} : { tracer });
  const url = `${gateway.url}/reviewer${path}`;
  // A broker takes a few more than the limit, since it counts late.
  for (let more = how.isFull === true ? 10 : 0; more > 0; more -= 1) await exchange(url, request);
  const before = seen().length;
  const { code: status } = await exchange(url, request);
  return { status, spans: seen().slice(before), traceparents: world.stored().map(({ headers }) => headers.traceparent) };
}

describe('a request that becomes an event', () => {
  test('is a span with its publish below it, and the message carries the context of the publish', async () => {
    const push = '{"ref":"hunter2","repository":{"html_url":"https://github.com/octo/hello"}}';
    const { spans, traceparents } = await sent('/github', githubDelivery(SECRET, 'push', push, 'delivery-1'));
    assert.deepEqual(spans, [
      {
        name: 'POST /reviewer/github',
        kind: 'server',
        parent: undefined,
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/reviewer/github',
          'http.response.status_code': 202,
          'eventagent.namespace': 'web',
          'eventagent.agent': 'reviewer',
          'eventagent.trigger': 'github',
          'cloudevents.event_id': 'delivery-1',
          'cloudevents.event_type': 'github.push',
        },
        end: 'well',
      },
      {
        name: 'send ea.web.reviewer',
        kind: 'producer',
        parent: 'of POST /reviewer/github',
        attributes: { 'messaging.system': 'rabbitmq', 'messaging.operation.type': 'send', 'messaging.destination.name': 'ea.web.reviewer' },
        end: 'well',
      },
    ]);
    assert.deepEqual(traceparents, ['of send ea.web.reviewer']);
  });

  const parents: readonly (readonly [name: string, request: HttpRequest, parent: string])[] = [
    ["the header's", withHeader(traced, HEADER), HEADER],
    ["the event's, where there is no header", traced, ATTRIBUTE],
    ["the event's, where the header cannot be read", withHeader(traced, 'nonsense'), ATTRIBUTE],
  ];
  for (const [name, request, parent] of parents)
    test(`continues a trace: ${name}`, async () => assert.equal((await sent('/open', request)).spans[0]?.parent, parent));

  test('keeps its own trace context where nothing is traced', async () => {
    const { status, traceparents } = await sent('/open', withHeader(traced, HEADER), { off: true });
    assert.deepEqual([status, traceparents], [202, [ATTRIBUTE]]);
  });

  test('that the broker does not take says so', async () => {
    const { status, spans } = await sent('/open', traced, { isFull: true });
    assert.equal(status, 503);
    assert.deepEqual(
      spans.map(({ end }) => end),
      ['queue_full', 'refused'],
    );
  });
});

test('a request whose sender is not known is no span: anybody could fill the collector', async () => {
  const delivery = githubDelivery('another secret', 'push', '{}');
  const { status, spans } = await sent('/github', delivery);
  assert.deepEqual([status, spans], [401, []]);
});
