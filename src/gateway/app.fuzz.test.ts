import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { cloudEvent } from '../../test/support/cloud-event.ts';
import { embeddedGateway } from '../../test/support/embedded-gateway.ts';
import { type GatewayUnderTest, SECRET } from '../../test/support/gateway-under-test.ts';
import { githubDelivery } from '../../test/support/github-delivery.ts';
import { exchange } from '../../test/support/http-exchange.ts';
import { reasons } from './reasons.ts';

const CODES = new Set<number>(Object.values(reasons).map(({ code }) => code));
const agent = new Agent({ keepAlive: true, maxSockets: 2 });
let world: Awaited<ReturnType<typeof embeddedGateway>>;
let gateway: GatewayUnderTest;
const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);

before(async () => {
  world = await embeddedGateway();
  gateway = world.gateway;
  process.on('uncaughtExceptionMonitor', note);
});

after(async () => {
  process.off('uncaughtExceptionMonitor', note);
  agent.destroy();
  await world[Symbol.asyncDispose]();
});

/** Bytes that are valid in a header. */
const headerValue = fc.oneof(
  fc.stringMatching(/^[\x21-\x7e\x80-\xff]{0,60}$/),
  fc.constantFrom(
    'application/json',
    'application/cloudevents+json',
    'gzip',
    'Bearer x',
    `sha256=${'a'.repeat(64)}`,
    '#',
    '__proto__',
    '-1',
    '1e9',
  ),
);
const headerName = fc.constantFrom(
  'content-type',
  'content-encoding',
  'authorization',
  'x-signature',
  'x-hub-signature-256',
  'x-github-event',
  'x-github-delivery',
  'traceparent',
  'accept',
);
const headers = fc.dictionary(headerName, fc.oneof(headerValue, fc.array(headerValue, { maxLength: 3 })), { maxKeys: 9 });
const attributes = fc.dictionary(
  fc.constantFrom(
    'specversion',
    'id',
    'source',
    'type',
    'time',
    'subject',
    'hop',
    'data',
    'data_base64',
    'traceparent',
    '__proto__',
    'constructor',
    'x1',
  ),
  fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' })),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  attributes.map((changes) => Buffer.from(cloudEvent(changes))),
  fc
    .constantFrom('['.repeat(100_000), '{"a":'.repeat(50_000), '"\\ud800"', '{"repository":{"html_url":"https://x/\\u0000"}}')
    .map((text) => Buffer.from(text)),
);
const path = fc.oneof(
  fc.constantFrom('github', 'hmac', 'bearer', 'open', 'events', 'small', 'locked').map((trigger) => `/reviewer/${trigger}`),
  fc.webPath().map((text) => (text.startsWith('/') ? text : `/${text}`)),
);

/** Every answer is one of ours, names no inner thing, and is 202 only for what is stored (or for a type that nobody binds). */
function judge(code: number, text: string, mayBeUnbound: boolean): void {
  assert.ok(CODES.has(code), `${code} ${text}`);
  assert.ok(code < 500 || code === 503, `${code} ${text}`);
  assert.doesNotMatch(text, /\bat .*\.ts:|node:internal|Error:/);
  assert.ok(text.length < 6_200, text);
  const { error, id, status } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  assert.equal([error, id, status].filter((value) => typeof value === 'string').length, 1);
  if (code === 202) assert.ok(mayBeUnbound || world.stored().some(({ headers: stored }) => stored['ce-id'] === id));
}

test('rubbish gets a plain answer, whatever headers and bodies it is made of', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('POST', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH'),
      path,
      headers,
      body,
      async (method, target, fields, bytes) => {
        const { code, text } = await exchange(`${gateway.url}${target}`, {
          method,
          headers: { ...fields, 'content-length': bytes.length },
          body: bytes,
          agent,
        });
        judge(code, text, target === '/reviewer/events');
      },
    ),
    { numRuns: 600 },
  );
  assert.deepEqual(uncaught, []);
  assert.deepEqual(
    gateway.lines.filter((line) => line.includes('"level":"error"')),
    [],
  );
});

test('rubbish that is rightly signed gets a plain answer, too', async () => {
  await fc.assert(
    fc.asyncProperty(headerValue, headerValue, body, async (event, id, bytes) => {
      const delivery = githubDelivery(SECRET, event, bytes, id);
      const { code, text } = await exchange(`${gateway.url}/reviewer/github`, { ...delivery, agent });
      judge(code, text, false);
      assert.ok([200, 202, 400].includes(code), `${code} ${text}`);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual(uncaught, []);
});

test('bytes that are no HTTP end their own connection and nothing else', async () => {
  const { port } = new URL(gateway.url);
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.constantFrom(
      'POST /reviewer/open HTTP/1.1',
      'Host: x',
      'Content-Length: 5',
      'Content-Length: -1',
      'Transfer-Encoding: chunked',
      '',
      'zz',
      '5',
      '{"a":',
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (lines) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      const ended = once(socket.resume(), 'close');
      socket.end(Buffer.from(lines.join('\r\n'), 'latin1'));
      await ended;
      assert.equal((await exchange(`${gateway.url}/reviewer/github`, { method: 'GET', agent })).code, 405);
    }),
    { numRuns: 150 },
  );
  assert.deepEqual(uncaught, []);
});
