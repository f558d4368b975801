import assert from 'node:assert/strict';
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
const PROMPT_MS = 25_000;

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

suite('dev ends with exit code 1 and a remedy where a real part', { concurrency: true }, () => {
  test('of the broker is not there', async () => {
    const said = await failureOf(['--rabbitmq', `amqp://u:hunter2@${NOBODY}/v`]);
    assert.match(said, /no connection to RabbitMQ at 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct --rabbitmq/);
  });

  test('of the store is not there', async () => {
    const said = await failureOf(['--redis', `redis://:hunter2@${NOBODY}/0`]);
    assert.match(said, /--redis: the store at 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/);
  });

  test('of the store does not know the user', async (t) => {
    const redis = await partOrSkip(t, () => sharedRedis());
    if (redis === undefined) return;
    const said = await failureOf(['--redis', redis.url.replace('redis://', 'redis://somebody:hunter2@')]);
    assert.match(said, /--redis: the store at \S+ cannot be used: WRONGPASS/);
  });

  test('of the store has no such database', async (t) => {
    const redis = await partOrSkip(t, () => sharedRedis());
    if (redis === undefined) return;
    const said = await failureOf(['--redis', `${redis.url}/99999`]);
    assert.match(said, /--redis: the store at \S+ cannot be used: .*DB index is out of range/);
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
