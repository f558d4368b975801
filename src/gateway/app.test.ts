import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { cloudEvent, structured } from '../../test/support/cloud-event.ts';
import { embeddedGateway } from '../../test/support/embedded-gateway.ts';
import { SECRET } from '../../test/support/gateway-under-test.ts';
import { githubDelivery } from '../../test/support/github-delivery.ts';
import { exchange, type HttpRequest } from '../../test/support/http-exchange.ts';

const PUSH = '{"ref":"refs/heads/main","repository":{"html_url":"https://github.com/octo/hello"}}';
const UNAUTHORIZED = 'the request does not carry the proof that this webhook asks for';
const hexOf = (body: string) => createHmac('sha256', SECRET).update(body).digest('hex');
const withHeaders = (request: HttpRequest, headers: HttpRequest['headers']): HttpRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

/** What is sent where, and what comes of it: the answer, its reason in the metric, how many events are on the broker. */
type Row = readonly [name: string, path: string, request: HttpRequest, code: number, reason: string, body: unknown, stored: number];

const delivery = githubDelivery(SECRET, 'push', PUSH, 'delivery-1');
const event = structured(cloudEvent());
const rows: readonly Row[] = [
  ['a signed delivery of GitHub is accepted', '/github', delivery, 202, 'accepted', { id: 'delivery-1' }, 1],
  ['a query after the path does not matter', '/github?from=hook', delivery, 202, 'accepted', { id: 'delivery-1' }, 1],
  [
    'an event with an HMAC is accepted',
    '/hmac',
    withHeaders(event, { 'x-signature': hexOf(cloudEvent()) }),
    202,
    'accepted',
    { id: 'order-1' },
    1,
  ],
  [
    'an event with a token is accepted',
    '/bearer',
    withHeaders(event, { authorization: `Bearer ${SECRET}` }),
    202,
    'accepted',
    { id: 'order-1' },
    1,
  ],
  ['an event for an open route is accepted', '/open', event, 202, 'accepted', { id: 'order-1' }, 1],
  ['a fan-out event that a pattern matches is accepted', '/events', event, 202, 'accepted', { id: 'order-1' }, 1],
  [
    'a fan-out event that no pattern matches is counted only',
    '/events',
    structured(cloudEvent({ type: 'org.example.x' })),
    202,
    'unbound',
    { id: 'order-1' },
    0,
  ],
  [
    "GitHub's ping is answered",
    '/github',
    githubDelivery(SECRET, 'ping', '{"zen":"Keep it logically awesome."}'),
    200,
    'handshake',
    { status: 'ok' },
    0,
  ],
  [
    'a ping that is not signed is refused',
    '/github',
    githubDelivery('another', 'ping', '{"zen":""}'),
    401,
    'signature_mismatch',
    { error: UNAUTHORIZED },
    0,
  ],
  ['an unknown path', '/nobody', delivery, 404, 'unknown_route', { error: 'no webhook is served at this path' }, 0],
  ['the path of a route in other letters', '/GitHub', delivery, 404, 'unknown_route', { error: 'no webhook is served at this path' }, 0],
  ['a path that only decodes to a route', '/git%68ub', delivery, 404, 'unknown_route', { error: 'no webhook is served at this path' }, 0],
  ['a path that goes on', '/github/', delivery, 404, 'unknown_route', { error: 'no webhook is served at this path' }, 0],
  ['GET', '/github', { method: 'GET' }, 405, 'method', { error: 'events are sent with POST' }, 0],
  ['PUT with a body', '/github', { ...delivery, method: 'PUT' }, 405, 'method', { error: 'events are sent with POST' }, 0],
  ['another secret', '/github', githubDelivery('another', 'push', PUSH), 401, 'signature_mismatch', { error: UNAUTHORIZED }, 0],
  ['no signature', '/github', withHeaders(delivery, { 'x-hub-signature-256': [] }), 401, 'signature_missing', { error: UNAUTHORIZED }, 0],
  [
    'two signatures, one of them right',
    '/github',
    withHeaders(delivery, { 'x-hub-signature-256': [`sha256=${'0'.repeat(64)}`, `sha256=${hexOf(PUSH)}`] }),
    401,
    'signature_duplicate',
    { error: UNAUTHORIZED },
    0,
  ],
  [
    'a signature of another form',
    '/github',
    withHeaders(delivery, { 'x-hub-signature-256': 'sha1=12' }),
    401,
    'signature_malformed',
    { error: UNAUTHORIZED },
    0,
  ],
  [
    'a body changed on its way',
    '/github',
    { ...delivery, body: PUSH.replace('main', 'evil') },
    401,
    'signature_mismatch',
    { error: UNAUTHORIZED },
    0,
  ],
  [
    'a secret that cannot be read',
    '/locked',
    delivery,
    503,
    'secret_unreadable',
    { error: 'the secret of this webhook cannot be read' },
    0,
  ],
  [
    'a body above the limit, by its own account',
    '/small',
    structured(cloudEvent({ data: 'x'.repeat(400) })),
    413,
    'too_large',
    { error: 'the body is larger than this webhook accepts' },
    0,
  ],
  [
    'a form instead of JSON',
    '/github',
    withHeaders(delivery, { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
    'content_type',
    { error: 'set the content type of the webhook to application/json in its settings on GitHub' },
    0,
  ],
  [
    'a compressed body',
    '/github',
    withHeaders(delivery, { 'content-encoding': 'gzip' }),
    415,
    'content_type',
    { error: 'send the body as it is, without a content encoding' },
    0,
  ],
  [
    'plain JSON where a CloudEvents envelope is expected',
    '/open',
    withHeaders(event, { 'content-type': 'application/json' }),
    415,
    'content_type',
    { error: 'send one CloudEvents 1.0 event a request, in structured mode, with the content type application/cloudevents+json' },
    0,
  ],
  [
    'signed, but not JSON',
    '/github',
    githubDelivery(SECRET, 'push', '{"ref":'),
    400,
    'not_json',
    { error: 'the body is not a JSON object in UTF-8' },
    0,
  ],
  [
    'signed, but empty',
    '/github',
    githubDelivery(SECRET, 'push', ''),
    400,
    'not_json',
    { error: 'the body is not a JSON object in UTF-8' },
    0,
  ],
  [
    'signed, without the name of the event',
    '/github',
    withHeaders(delivery, { 'x-github-event': [] }),
    400,
    'bad_event',
    { error: 'the header X-GitHub-Event must hold the name of one event, e.g. pull_request' },
    0,
  ],
  [
    'an envelope without an id',
    '/open',
    structured(cloudEvent({ id: undefined })),
    400,
    'bad_event',
    { error: 'the CloudEvents attribute id: must be a string of 1 to 1024 bytes without control characters' },
    0,
  ],
];

for (const [name, path, request, code, reason, body, stored] of rows) {
  test(name, async () => {
    await using world = await embeddedGateway();
    const { gateway } = world;
    const answer = await exchange(`${gateway.url}/reviewer${path}`, request);
    assert.equal(answer.code, code, answer.text);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(answer.text), body);
    assert.equal(world.stored().length, stored);
    assert.equal(answer.headers['retry-after'], code === 503 ? '5' : undefined);
    assert.equal(answer.headers.allow, code === 405 ? 'POST' : undefined);
    assert.equal(answer.headers['www-authenticate'], code === 401 ? 'Webhook' : undefined);
    const route = code === 404 ? 'none' : `web/reviewer${path.split('?')[0]}`;
    assert.equal(await gateway.requests(route, code, reason), 1, await gateway.scrape());
    assert.equal(gateway.lines.length, code >= 500 ? 1 : 0, gateway.lines.join(''));
  });
}

test('the hops that a request says travel with the event, at a webhook of any scheme', async () => {
  await using world = await embeddedGateway();
  const requests = [
    ['/github', delivery],
    ['/hmac', withHeaders(event, { 'x-signature': hexOf(cloudEvent()) })],
    ['/bearer', withHeaders(event, { authorization: `Bearer ${SECRET}` })],
    ['/open', event],
  ] as const;
  for (const [path, request] of requests) {
    const { code } = await exchange(`${world.gateway.url}/reviewer${path}`, withHeaders(request, { 'ce-hop': '4' }));
    assert.equal(code, 202, path);
  }
  assert.deepEqual(
    world.stored().map(({ headers }) => headers['ce-hop']),
    [4, 4, 4, 4],
  );
});
