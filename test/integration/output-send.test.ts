import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { createSend, type OutgoingRequest } from '../../src/runner/outputs/send.ts';
import { type SinkAnswer, startHttpSink } from '../support/http-sink.ts';

const sink = await startHttpSink();
const other = await startHttpSink();
after(() => Promise.all([sink.close(), other.close()]));
const send = createSend({ clock: systemClock, userAgent: 'eventagent/test' });
const host = (url: string) => new URL(url).host;

function outgoing(change: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    output: 'out',
    request: { method: 'POST', url: `${sink.url}/in`, headers: { 'content-type': 'application/json' }, body: '{"a":1}' },
    secretHeaders: { authorization: 'Bearer secret' },
    idempotencyKey: `key-${Math.random()}`,
    allowedHosts: [host(sink.url), host(other.url)],
    timeoutMs: 20_000,
    ...change,
  };
}

const never = new AbortController().signal;
const answering = (answer: SinkAnswer) => sink.script(() => answer);

test('the request arrives as it was rendered, with the key, our name, and the headers from Secrets', async () => {
  answering({});
  const request = outgoing();
  assert.deepEqual(await send(request, never), { kind: 'answered', status: 200, rateLimited: false });
  const got = sink.requests().at(-1);
  assert.deepEqual([got?.method, got?.path, got?.body, got?.key], ['POST', '/in', '{"a":1}', request.idempotencyKey]);
  assert.deepEqual(
    [got?.headers.authorization, got?.headers['user-agent'], got?.headers['content-type']],
    ['Bearer secret', 'eventagent/test', 'application/json'],
  );
});

test('no header from a Secret takes the place of the hops that the request was rendered with', async () => {
  answering({});
  const { request } = outgoing();
  await send(
    outgoing({ request: { ...request, headers: { ...request.headers, 'ce-hop': '3' } }, secretHeaders: { 'ce-hop': '0' } }),
    never,
  );
  assert.equal(sink.requests().at(-1)?.headers['ce-hop'], '3');
});

const answers: readonly (readonly [name: string, answer: SinkAnswer, want: object])[] = [
  [
    'retry-after in seconds',
    { status: 429, headers: { 'retry-after': '7' } },
    { kind: 'answered', status: 429, retryAfterMs: 7000, rateLimited: true },
  ],
  [
    'a used up rate limit',
    { status: 403, headers: { 'x-ratelimit-remaining': '0' } },
    { kind: 'answered', status: 403, rateLimited: true },
  ],
  ['a plain refusal', { status: 403 }, { kind: 'answered', status: 403, rateLimited: false }],
  [
    'a redirect that would turn into a GET is not followed',
    { status: 302, headers: { location: '/elsewhere' } },
    { kind: 'answered', status: 302, rateLimited: false },
  ],
  [
    'a reset after the request was read leaves the result unknown',
    { ending: 'reset', effect: true },
    { kind: 'unknown', error: 'ECONNRESET' },
  ],
];
for (const [name, answer, want] of answers) {
  test(`what a sink answers: ${name}`, async () => {
    answering(answer);
    assert.deepEqual(await send(outgoing(), never), want);
  });
}

test('retry-after as a date, and the end of a rate limit, are waits', async () => {
  const inAMinute = Date.now() + 60_000;
  for (const headers of [
    { 'retry-after': new Date(inAMinute).toUTCString() },
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.floor(inAMinute / 1000)) },
  ]) {
    answering({ status: 429, headers });
    const answer = await send(outgoing(), never);
    assert.ok(answer.kind === 'answered' && answer.retryAfterMs !== undefined);
    assert.ok(answer.retryAfterMs > 50_000 && answer.retryAfterMs <= 60_000);
  }
});

test('a redirect with the same method is followed where its host is allowed, without what was meant for the first host', async () => {
  answering({ status: 307, headers: { location: `${other.url}/moved` } });
  assert.deepEqual(await send(outgoing(), never), { kind: 'answered', status: 200, rateLimited: false });
  const got = other.requests().at(-1);
  assert.deepEqual([got?.method, got?.path, got?.body, got?.headers.authorization], ['POST', '/moved', '{"a":1}', undefined]);
});

test('a redirect to a host that is not allowed is not followed', async () => {
  const before = other.requests().length;
  answering({ status: 308, headers: { location: `${other.url}/moved` } });
  const answer = await send(outgoing({ allowedHosts: [host(sink.url)] }), never);
  assert.equal(answer.kind, 'forbidden');
  assert.equal(other.requests().length, before);
});

test('a redirect to no URL at all is not followed', async () => {
  answering({ status: 308, headers: { location: 'http://[' } });
  assert.equal((await send(outgoing(), never)).kind, 'forbidden');
});

test('an answer of any length is done with', async () => {
  answering({ body: 'x'.repeat(1_000_000) });
  assert.equal((await send(outgoing(), never)).kind, 'answered');
});

test('redirects in a circle end', async () => {
  answering({ status: 307, headers: { location: '/in' } });
  const before = sink.requests().length;
  const answer = await send(outgoing(), never);
  assert.ok(answer.kind === 'answered' && answer.status === 307);
  assert.equal(sink.requests().length - before, 6);
});

test('no answer in time, or an end of the run, leaves the result unknown', async () => {
  answering({ ending: 'hang', effect: true });
  assert.deepEqual(await send(outgoing({ timeoutMs: 100 }), never), { kind: 'unknown', error: 'no answer within 0.1 s' });
  const run = new AbortController();
  const sent = send(outgoing(), run.signal);
  const arrived = sink.requests().length;
  await sink.until('it has arrived', () => sink.requests().length > arrived);
  run.abort();
  assert.deepEqual(await sent, { kind: 'unknown', error: 'the run ended before the answer came' });
});

test('where nobody listens, or nobody has the name, nothing was sent', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const to = (url: string) => outgoing({ request: { method: 'POST', url, headers: {}, body: '' }, allowedHosts: [host(url)] });
  assert.deepEqual(await send(to(`http://127.0.0.1:${port}/`), never), { kind: 'not-sent', error: 'ECONNREFUSED' });
  const unknown = await send(to('http://nobody.invalid/'), never);
  assert.equal(unknown.kind, 'not-sent');
});

test('a recorded request whose host is no longer allowed goes nowhere', async () => {
  answering({});
  const before = sink.requests().length;
  assert.deepEqual(await send(outgoing({ allowedHosts: [host(other.url)] }), never), {
    kind: 'forbidden',
    error: `host ${host(sink.url)} is not among allowedHosts`,
  });
  assert.equal(sink.requests().length, before);
});
