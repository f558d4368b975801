import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.ts';
import { type RabbitAddress, startRabbitMq } from './rabbitmq.ts';
import { freshDatabase, sharedRedis, startRedis } from './redis.ts';
import { partOrSkip } from './unavailable.ts';
import { manage } from './vhost.ts';
import { workFolder } from './work-folder.ts';

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.unref();
  });
}

async function messagesIn(server: RabbitAddress): Promise<unknown> {
  const look = { count: 10, ackmode: 'ack_requeue_true', encoding: 'auto' };
  const messages = await manage(server, 'POST', '/api/queues/%2F/q/get', look).catch(() => undefined);
  return Array.isArray(messages) && messages.length > 0 ? messages.map(({ payload }) => payload) : undefined;
}

test('a RabbitMQ that is killed and started again has kept what it confirmed, on the same ports', async (t) => {
  const started = await partOrSkip(t, () => startRabbitMq('4.0'));
  if (started === undefined) return;
  await using server = started;
  assert.match(await server.ctl('version'), /^4\.0\./);
  await manage(server, 'PUT', '/api/queues/%2F/q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  const message = { routing_key: 'q', payload: 'kept', payload_encoding: 'string', properties: { delivery_mode: 2 } };
  await manage(server, 'POST', '/api/exchanges/%2F/amq.default/publish', message);
  await server.keepQueues();
  await server.kill();
  assert.equal(await accepts(Number(new URL(server.amqpUrl).port)), false);
  await server.restart();
  assert.deepEqual(await eventually('the queue has its leader', () => messagesIn(server)), ['kept']);
  const port = Number(new URL(server.managementUrl).port);
  server.pause();
  // A signal takes its time to stop all threads of a busy machine.
  const asked: Promise<unknown>[] = [];
  await eventually('it is silent', async () => {
    const answer = manage(server, 'GET', '/api/overview');
    asked.push(answer);
    return await Promise.race([answer.then(() => false), new Promise<boolean>((resolve) => setTimeout(resolve, 300, true))]);
  });
  server.resume();
  await Promise.all(asked);
  await server.stop();
  assert.equal(await accepts(port), false);
  await server.stop();
});

test('a Redis that is killed and started again has kept what it answered', async (t) => {
  const started = await partOrSkip(t, () => startRedis());
  if (started === undefined) return;
  await using server = started;
  const client = new Redis(server.url, { retryStrategy: () => 20 });
  client.on('error', () => {});
  try {
    await client.set('a', 'kept');
    await server.restart();
    assert.equal(await client.get('a'), 'kept');
    assert.deepEqual(await client.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'noeviction']);
  } finally {
    client.disconnect();
  }
});

test('databases of a shared Redis are empty and nobody else has them', async (t) => {
  const server = await partOrSkip(t, () => sharedRedis());
  if (server === undefined) return;
  await using one = await freshDatabase(server);
  await using other = await freshDatabase(server);
  const [client, stranger] = [new Redis(one.url), new Redis(other.url)];
  try {
    await client.set('a', '1');
    assert.equal(await stranger.get('a'), null);
    assert.equal(await stranger.dbsize(), 0);
  } finally {
    client.disconnect();
    stranger.disconnect();
  }
});

test('a server ends with the process that started it, even a killed one, and its folder is swept up later', async (t) => {
  if ((await partOrSkip(t, async () => (await startRedis()).stop().then(() => true))) === undefined) return;
  const script = `
    import { startRedis } from ${JSON.stringify(new URL('./redis.ts', import.meta.url).href)};
    import { workFolder } from ${JSON.stringify(new URL('./work-folder.ts', import.meta.url).href)};
    const { url } = await startRedis();
    console.log(JSON.stringify({ port: Number(new URL(url).port), folder: await workFolder('mark') }));
    setTimeout(() => {}, 1e9);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { port, folder } = await new Promise<{ readonly port: number; readonly folder: string }>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString())));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  assert.equal(await accepts(port), true);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await eventually('the server is gone', async () => !(await accepts(port)));
  assert.equal(existsSync(folder), true);
  const own = await workFolder('sweep');
  assert.equal(existsSync(folder), false);
  await rm(own, { recursive: true });
});
