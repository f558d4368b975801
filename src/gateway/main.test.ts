import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { cloudEvent, structured } from '../../test/support/cloud-event.ts';
import { embeddedWorld } from '../../test/support/embedded-gateway.ts';
import { configuration, secrets } from '../../test/support/gateway-under-test.ts';
import { exchange } from '../../test/support/http-exchange.ts';
import { createScriptedBroker } from '../../test/support/scripted-broker.ts';
import { metrics } from '../api/metrics.ts';
import type { BrokerConnection } from '../broker/port.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { startGateway } from './main.ts';

const start = (broker: { readonly connection: BrokerConnection }, port = 0) =>
  startGateway({
    configuration,
    secrets,
    connection: broker.connection,
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics(metrics),
    host: '127.0.0.1',
    port,
  });

test('close finishes what is under way, and refuses what comes meanwhile', async () => {
  const broker = createScriptedBroker();
  broker.fate(() => 'held');
  const gateway = await start(broker);
  const underWay = exchange(`${gateway.url}/reviewer/open`, structured(cloudEvent()));
  await broker.until('the event is published', () => broker.held.length === 1);
  // A connection that is open already, with a request that has begun and one that has not.
  const socket = connect(gateway.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /reviewer/open HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n');
  assert.equal((await exchange(`${gateway.url}/reviewer/open`, { method: 'GET' })).code, 405);
  assert.equal(gateway.unready(), undefined);
  const closed = gateway.close();
  assert.equal(gateway.unready(), 'shutting down');
  await assert.rejects(exchange(`${gateway.url}/reviewer/open`, structured(cloudEvent())), { code: 'ECONNREFUSED' });
  socket.write('Content-Length: 2\r\n\r\n{}');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const late = Buffer.concat(chunks).toString('latin1');
  assert.match(late, /^HTTP\/1\.1 503 /);
  assert.match(late, /\r\nConnection: close\r\n/i);
  assert.match(late, /\r\nRetry-After: 5\r\n/i);
  broker.answer('confirmed');
  const answer = await underWay;
  assert.equal(answer.code, 202);
  assert.equal(answer.headers.connection, 'close');
  await closed;
  await gateway.close();
});

test('close ends idle connections, and those that never sent a byte', { timeout: 9_000 }, async () => {
  const gateway = await start(createScriptedBroker());
  const silent = connect(gateway.port, '127.0.0.1');
  await once(silent, 'connect');
  const agent = new Agent({ keepAlive: true });
  assert.equal((await exchange(`${gateway.url}/reviewer/open`, { ...structured(cloudEvent()), agent })).code, 202);
  const ended = once(silent.resume(), 'close');
  await gateway.close(60_000);
  await ended;
  agent.destroy();
});

test('a body that never ends is cut when the grace is over', { timeout: 20_000 }, async () => {
  const gateway = await start(createScriptedBroker());
  const socket = connect(gateway.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /reviewer/open HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 100\r\n\r\n{');
  await exchange(`${gateway.url}/reviewer/open`, { method: 'GET' });
  const ended = once(socket.resume(), 'close');
  socket.on('error', () => {});
  await gateway.close(50);
  await ended;
});

test('closing in the middle of a crowd loses no event that was answered 202', async () => {
  await using world = await embeddedWorld();
  const gateway = await start(world);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const accepted: string[] = [];
  const codes = new Map<string, number>();
  let closed: Promise<void> | undefined;
  await Promise.all(
    Array.from({ length: 400 }, async (_, index) => {
      const outcome = await exchange(`${gateway.url}/reviewer/open`, { ...structured(cloudEvent({ id: `e${index}` })), agent }).then(
        ({ code, text }) => {
          if (code === 202) accepted.push((JSON.parse(text) as { readonly id: string }).id);
          if (accepted.length === 100) closed ??= gateway.close();
          return String(code);
        },
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }),
  );
  await closed;
  agent.destroy();
  assert.ok(accepted.length >= 100 && accepted.length < 400, JSON.stringify([...codes]));
  assert.deepEqual(
    [...codes.keys()].filter((code) => !['202', '503', 'ECONNREFUSED', 'ECONNRESET'].includes(code)),
    [],
  );
  const stored = new Set(world.stored().map(({ messageId }) => messageId));
  assert.deepEqual(
    accepted.filter((id) => !stored.has(id)),
    [],
  );
});

test('a port in use is said in plain words', async () => {
  const gateway = await start(createScriptedBroker());
  await assert.rejects(start(createScriptedBroker(), gateway.port), {
    name: 'InputError',
    code: 'Usage',
    message: `port ${gateway.port} is in use: end the program that listens on it, or choose another port`,
  });
  await gateway.close();
});

test('two routes with one path start nothing', async () => {
  const broker = createScriptedBroker();
  const [route] = configuration.routes;
  assert.ok(route !== undefined);
  const routes = [route, { ...route, trigger: 'twin' }];
  const options = { secrets, connection: broker.connection, clock: systemClock, log: silentLog, metrics: createMetrics(metrics) };
  await assert.rejects(startGateway({ ...options, configuration: { ...configuration, routes }, host: '127.0.0.1', port: 0 }), {
    code: 'PathTaken',
    message: 'the webhooks web/reviewer/github and web/reviewer/twin have the same path /reviewer/github: change one of them',
  });
});
