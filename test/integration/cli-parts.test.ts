import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { sharedRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { manifestFolder, runCli } from '../support/dev-process.ts';
import { reviewAgent } from '../support/review-agent.ts';

/** Nobody listens there: reserved, and closed on every machine. */
const NOBODY = '127.0.0.1:1';

/** Long enough for a busy machine, and far from the minutes that a client's own patience may last. */
const PROMPT_MS = 45_000;

/** Runs `dev` on real parts that cannot be used; the error it ends with. */
async function failureOf(parts: readonly string[]): Promise<string> {
  await using manifest = await manifestFolder(reviewAgent({ claudeUrl: `http://${NOBODY}`, sinkUrl: `http://${NOBODY}` }));
  const startedAt = performance.now();
  const { code, stdout, stderr } = await runCli(['dev', manifest.file, '--port', '0', '--metrics-port', '0', ...parts]);
  assert.ok(performance.now() - startedAt < PROMPT_MS, `it took ${performance.now() - startedAt} ms`);
  assert.equal(code, 1, stderr);
  assert.doesNotMatch(stderr, /\n\s+at |fault of eventagent/, 'no stack trace');
  assert.doesNotMatch(stderr, /hunter2/, 'no password');
  assert.equal(stdout, '', 'nothing was started');
  return stderr;
}

suite('dev ends with exit code 1 and a remedy where a real part', { concurrency: 4 }, () => {
  test('of the broker is not there', async () => {
    const said = await failureOf(['--rabbitmq', `amqp://u:hunter2@${NOBODY}/v`]);
    assert.match(said, /no connection to RabbitMQ at 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct --rabbitmq/);
  });

  test('of the broker is something else', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const said = await failureOf(['--rabbitmq', `amqp://u:hunter2@127.0.0.1:${port}`]).finally(() => server.close());
    assert.equal(said, `eventagent: no connection to RabbitMQ at 127.0.0.1:${port}: what answers there is not AMQP; correct the address\n`);
  });

  test('of the store is not there', async () => {
    const said = await failureOf(['--redis', `redis://:hunter2@${NOBODY}/0`]);
    assert.match(said, /--redis: the store at 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED \S+; start it, or correct --redis\n$/);
  });

  const strangers: readonly (readonly [name: string, scheme: string, answer: (socket: Socket) => void, says: string])[] = [
    [
      'is something else',
      'redis',
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'what answers there is not Redis; correct the address',
    ],
    [
      'wants a login',
      'redis',
      (socket) => socket.write('-NOAUTH Authentication required.\r\n'),
      'NOAUTH Authentication required; correct user and password in --redis',
    ],
    [
      'speaks TLS alone',
      'redis',
      (socket) => socket.end(Buffer.from('15030100020228', 'hex')),
      'it speaks TLS alone; write rediss:// instead of redis://',
    ],
    [
      'speaks no TLS',
      'rediss',
      (socket) => socket.end('-ERR Protocol error\r\n'),
      'no TLS can be spoken with it (ERR_SSL_WRONG_VERSION_NUMBER); write redis:// instead of rediss:// if it speaks none',
    ],
    ['closes every connection', 'redis', (socket) => socket.end(), 'it does not answer as a Redis does; start it, or correct --redis'],
  ];
  for (const [name, scheme, answer, says] of strangers)
    test(`of the store ${name}`, async () => {
      const server = createTcpServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket)));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const said = await failureOf(['--redis', `${scheme}://127.0.0.1:${port}`]).finally(() => server.close());
      assert.equal(said, `eventagent: --redis: the store at 127.0.0.1:${port} cannot be used: ${says}\n`);
    });

  test('of the store does not know the user', async (t) => {
    const redis = await partOrSkip(t, () => sharedRedis());
    if (redis === undefined) return;
    const said = await failureOf(['--redis', redis.url.replace('redis://', 'redis://somebody:hunter2@')]);
    assert.match(said, /--redis: the store at \S+ cannot be used: WRONGPASS [^.\n]*; correct user and password in --redis\n$/);
  });

  test('of the store has no such database', async (t) => {
    const redis = await partOrSkip(t, () => sharedRedis());
    if (redis === undefined) return;
    const said = await failureOf(['--redis', `${redis.url}/99999`]);
    assert.match(
      said,
      /--redis: the store at \S+ cannot be used: .*DB index is out of range; correct the number of the database at the end of --redis\n$/,
    );
  });

  test('of the broker knows another password', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    const url = rabbit.amqpUrl.replace(/\/\/[^@]+@/, '//guest:hunter2@');
    const said = await failureOf(['--rabbitmq', url, '--rabbitmq-management', rabbit.managementUrl]);
    assert.match(said, /refused the login of guest to virtual host \/: .*; correct user, password and virtual host in --rabbitmq/);
  });

  test('of the broker has no such virtual host', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    const said = await failureOf(['--rabbitmq', `${rabbit.amqpUrl}/nowhere`, '--rabbitmq-management', rabbit.managementUrl]);
    assert.match(said, /to virtual host nowhere: .*; correct user, password and virtual host in --rabbitmq/);
  });

  test('of the broker has its management API elsewhere', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    const said = await failureOf(['--rabbitmq', vhost.amqpUrl, '--rabbitmq-management', `http://u:hunter2@${NOBODY}`]);
    assert.match(said, /no answer from the management API at http:\/\/127\.0\.0\.1:1: .*; .*say with --rabbitmq-management where it is/);
  });

  test('of the broker has a queue in the way, which is named and left alone', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    const queue = `/api/queues/${vhost.vhost}/ea.test.reviewer`;
    await manage(rabbit, 'PUT', queue, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-max-length': 10 } });
    const said = await failureOf(['--rabbitmq', vhost.amqpUrl, '--rabbitmq-management', vhost.managementUrl]);
    assert.match(
      said,
      /queue ea\.test\.reviewer is in the way: .*x-max-length is 10 instead of not set.*move its messages elsewhere and delete it/,
    );
    const { arguments: kept } = (await manage(rabbit, 'GET', queue)) as { arguments: object };
    assert.deepEqual(kept, { 'x-queue-type': 'quorum', 'x-max-length': 10 });
  });
});
