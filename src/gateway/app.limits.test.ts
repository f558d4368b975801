import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { cloudEvent, structured } from '../../test/support/cloud-event.ts';
import { gatewayUnderTest, routeFor } from '../../test/support/gateway-under-test.ts';
import { exchange } from '../../test/support/http-exchange.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createScriptedBroker } from '../../test/support/scripted-broker.ts';
import { DEFAULT_HTTP_LIMITS } from '../lib/http-server.ts';

const LARGE = structured(cloudEvent({ data: 'x'.repeat(4 * 1024 * 1024) }));

test('a sender that writes its whole body before it reads gets the 413 all the same', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection);
  const { port } = new URL(gateway.url);
  const body = Buffer.alloc(8 * 1024 * 1024, 'x');
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  const head = `POST /reviewer/small HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\nContent-Length: ${body.length}\r\n\r\n`;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(head);
    socket.write(body, () => resolve());
  });
  const text = await readToEnd(socket);
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /\r\nConnection: close\r\n/i);
  assert.match(text, /the body is larger than this webhook accepts/);
});

test('a chunked body is refused as soon as it exceeds the limit', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection);
  const answer = await exchange(`${gateway.url}/reviewer/small`, {
    headers: { 'content-type': 'application/cloudevents+json', 'transfer-encoding': 'chunked' },
    body: Array.from({ length: 64 }, () => Buffer.alloc(65_536, 'x')),
  });
  assert.equal(answer.code, 413);
  assert.equal(await gateway.requests('web/reviewer/small', 413, 'too_large'), 1);
});

test('a body of exactly the limit is taken, one byte more is not', async () => {
  const broker = createScriptedBroker();
  const body = cloudEvent({ data: 'x' });
  const routes = [
    routeFor('fits', { scheme: 'None' }, { maxBodyBytes: body.length }),
    routeFor('tight', { scheme: 'None' }, { maxBodyBytes: body.length - 1 }),
  ];
  await using gateway = await gatewayUnderTest(broker.connection, { configuration: { namespace: 'web', routes, typePatterns: [] } });
  for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
    assert.equal((await exchange(`${gateway.url}/reviewer/fits`, structured(body, headers))).code, 202);
    assert.equal((await exchange(`${gateway.url}/reviewer/tight`, structured(body, headers))).code, 413);
  }
});

test('a sender that asks first is not invited to send what is too large', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection);
  const refused = await asking(`${gateway.url}/reviewer/small`, LARGE.body as string);
  assert.deepEqual(refused, { code: 413, invited: false });
  const taken = await asking(`${gateway.url}/reviewer/open`, cloudEvent());
  assert.deepEqual(taken, { code: 202, invited: true });
});

test('a refused request does not cost the connection', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection);
  using agent = disposable(new Agent({ keepAlive: true, maxSockets: 1 }));
  const codes: number[] = [];
  for (const path of ['/nobody', '/reviewer/locked', '/reviewer/open', '/nobody', '/reviewer/open'])
    codes.push(
      (await exchange(`${gateway.url}${path}`, { ...LARGE, body: cloudEvent({ data: 'x'.repeat(200_000) }), agent: agent.value })).code,
    );
  assert.deepEqual(codes, [404, 503, 202, 404, 202]);
  assert.equal(broker.stored.length, 2);
});

const MIB = 1024 * 1024;
const large = { namespace: 'web', routes: [routeFor('large', { scheme: 'None' }, { maxBodyBytes: 8 * MIB })], typePatterns: [] };
const sendLarge = (url: string) => exchange(`${url}/reviewer/large`, structured(cloudEvent({ data: 'x'.repeat(7 * MIB) })));

test('bodies of all senders together are bounded, and what was refused can come again', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  await using gateway = await gatewayUnderTest(broker.connection, { configuration: large });
  const taken = Array.from({ length: 9 }, () => sendLarge(gateway.url));
  await broker.until('nine bodies of 7 MiB fit into 64 MiB', () => broker.held.length === 9);
  assert.equal((await sendLarge(gateway.url)).code, 503);
  assert.equal(await gateway.requests('web/reviewer/large', 503, 'overloaded'), 1);
  broker.answer('confirmed');
  for (const { code } of await Promise.all(taken)) assert.equal(code, 202);
  broker.fate(() => 'confirmed');
  assert.equal((await sendLarge(gateway.url)).code, 202);
});

test('bodies that are refused half-way leave nothing behind', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection, { configuration: large });
  const tooLarge = { headers: { 'transfer-encoding': 'chunked' }, body: Array.from({ length: 9 }, () => Buffer.alloc(MIB, 'x')) };
  for (let i = 0; i < 10; i += 1) assert.equal((await exchange(`${gateway.url}/reviewer/large`, tooLarge)).code, 413);
  assert.equal((await sendLarge(gateway.url)).code, 202);
});

test('a body whose confirm is late counts until the broker has settled it', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  const clock = createManualClock();
  await using gateway = await gatewayUnderTest(broker.connection, { configuration: large, clock });
  const late = Array.from({ length: 9 }, () => sendLarge(gateway.url));
  await broker.until('nine bodies are published', () => broker.held.length === 9);
  clock.advance(8_000);
  for (const { code } of await Promise.all(late)) assert.equal(code, 503);
  assert.equal(await gateway.requests('web/reviewer/large', 503, 'confirm_late'), 9);
  assert.equal((await sendLarge(gateway.url)).code, 503);
  assert.equal(await gateway.requests('web/reviewer/large', 503, 'overloaded'), 1);
  broker.answer('confirmed');
  broker.fate(() => 'confirmed');
  assert.equal((await sendLarge(gateway.url)).code, 202);
});

test('fifty half-sent bodies hold up nobody, and end after the time limit', async () => {
  const broker = createScriptedBroker();
  const limits = { ...DEFAULT_HTTP_LIMITS, requestTimeoutMs: 1_500, headersTimeoutMs: 1_000 };
  await using gateway = await gatewayUnderTest(broker.connection, { limits });
  const { port } = new URL(gateway.url);
  const slow = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        'POST /reviewer/open HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 100\r\n\r\n{"spec',
      );
      return socket;
    }),
  );
  for (let i = 0; i < 20; i += 1) assert.equal((await exchange(`${gateway.url}/reviewer/open`, structured(cloudEvent()))).code, 202);
  const answers = await Promise.all(slow.map(readToEnd));
  for (const text of answers) assert.match(text, /^HTTP\/1\.1 408 /);
  assert.equal(broker.stored.length, 20);
  assert.equal(await gateway.requests('web/reviewer/open', 499, 'aborted'), 50);
});

test('headers beyond 16 KiB are refused', async () => {
  const broker = createScriptedBroker();
  await using gateway = await gatewayUnderTest(broker.connection);
  const answer = await exchange(`${gateway.url}/reviewer/open`, structured(cloudEvent(), { 'x-padding': 'x'.repeat(20_000) }));
  assert.equal(answer.code, 431);
  assert.equal(broker.stored.length, 0);
});

function disposable(value: Agent): Disposable & { readonly value: Agent } {
  return { value, [Symbol.dispose]: () => value.destroy() };
}

async function readToEnd(socket: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
}

/** Sends with `Expect: 100-continue`: the body only when it was invited. */
async function asking(url: string, body: string): Promise<{ readonly code: number | undefined; readonly invited: boolean }> {
  const headers = { 'content-type': 'application/cloudevents+json', 'content-length': Buffer.byteLength(body), expect: '100-continue' };
  const outgoing: ClientRequest = request(url, { method: 'POST', headers, agent: false });
  let invited = false;
  outgoing.once('continue', () => {
    invited = true;
    outgoing.end(body);
  });
  outgoing.flushHeaders();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  outgoing.destroy();
  return { code: response.statusCode, invited };
}
