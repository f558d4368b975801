import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { exchange } from '../../test/support/http-exchange.ts';
import { createWatchable } from '../../test/support/until.ts';
import { systemClock } from './clock.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits, startHttpServer } from './http-server.ts';

const start = (limits: HttpLimits = DEFAULT_HTTP_LIMITS, host = '127.0.0.1') =>
  startHttpServer((_request, response) => void response.end('hello'), { host, port: 0, clock: systemClock, limits });

test('the address is what it listens on', async () => {
  const server = await start();
  assert.equal(server.url, `http://127.0.0.1:${server.port}`);
  assert.equal((await exchange(server.url, { method: 'GET' })).text, 'hello');
  await server.close(0);
});

test('without an address it listens on all of them', async () => {
  const server = await startHttpServer((_request, response) => void response.end('hello'), { port: 0, clock: systemClock });
  assert.ok(server.host === '::' || server.host === '0.0.0.0', server.host);
  assert.equal((await exchange(`http://127.0.0.1:${server.port}`, { method: 'GET' })).text, 'hello');
  assert.equal((await exchange(server.url, { method: 'GET' })).text, 'hello');
  await server.close(0);
});

test('an address of another machine is refused with advice', async () => {
  await assert.rejects(start(DEFAULT_HTTP_LIMITS, '192.0.2.1'), {
    code: 'Usage',
    message: '192.0.2.1 is not an address of this machine: choose one that is, e.g. 127.0.0.1',
  });
});

test('a sender that does not finish its headers is told so and cut off', { timeout: 30_000 }, async () => {
  const server = await start({ ...DEFAULT_HTTP_LIMITS, headersTimeoutMs: 200 });
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 408 /);
  await server.close(0);
});

test('connections above the limit are closed as they come', async () => {
  const server = await start({ ...DEFAULT_HTTP_LIMITS, maxConnections: 2 });
  const sockets = Array.from({ length: 3 }, () => connect(server.port, '127.0.0.1'));
  const last = sockets[2];
  assert.ok(last !== undefined);
  await Promise.race(sockets.map((socket) => once(socket.resume(), 'close')));
  assert.equal(sockets.filter((socket) => socket.closed).length, 1);
  for (const socket of sockets) socket.destroy();
  await server.close(0);
});

test('close waits for a request under way, and no longer than its grace', { timeout: 30_000 }, async () => {
  const watchable = createWatchable();
  const answers: (() => void)[] = [];
  const server = await startHttpServer(
    (_request, response) => {
      answers.push(() => response.end('late'));
      watchable.changed();
    },
    { host: '127.0.0.1', port: 0, clock: systemClock },
  );
  const patient = exchange(server.url, { method: 'GET' });
  await watchable.until('the first request is there', () => answers.length === 1);
  const forgotten = assert.rejects(exchange(server.url, { method: 'GET' }), { code: 'ECONNRESET' });
  await watchable.until('the second request is there', () => answers.length === 2);
  const closed = server.close(300);
  answers[0]?.();
  assert.equal((await patient).text, 'late');
  await forgotten;
  await closed;
});

test('a connection that becomes idle while the server closes is ended', { timeout: 20_000 }, async () => {
  const watchable = createWatchable();
  const answers: (() => void)[] = [];
  const server = await startHttpServer(
    (_request, response) => {
      answers.push(() => response.end('late'));
      watchable.changed();
    },
    { host: '127.0.0.1', port: 0, clock: systemClock },
  );
  const agent = new Agent({ keepAlive: true });
  const answer = exchange(server.url, { method: 'GET', agent });
  await watchable.until('the request is there', () => answers.length === 1);
  const closed = server.close(60_000);
  answers[0]?.();
  assert.equal((await answer).text, 'late');
  await closed;
  agent.destroy();
});
