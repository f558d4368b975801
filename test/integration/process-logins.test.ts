import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { manage, type Vhost } from '../parts/vhost.ts';
import { settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import type { LogLine } from '../support/logged-process.ts';
import { brokerSecret } from '../support/pod-content.ts';
import { runPodProcess } from '../support/pod-process.ts';
import { onPodsStage, type Pod } from '../support/pods-stage.ts';

/** Nobody listens there: reserved, and closed on every machine. */
const NOBODY = '127.0.0.1:1';

/** How long the broker is tried again in, at most, and a little more. */
const AGAIN_MS = 60_000;

async function readyAs(pod: Pod, status: number, text: RegExp): Promise<void> {
  await eventually(
    `/readyz is ${status} ${text}`,
    async () => {
      const [code, said] = await pod.readyz();
      return code === status && text.test(said);
    },
    AGAIN_MS,
  );
}

/** A user of the broker's with full rights in a virtual host. */
async function brokerUser(vhost: Vhost, user: string, password: string): Promise<void> {
  await manage(vhost, 'PUT', `/api/users/${user}`, { password, tags: '' });
  await manage(vhost, 'PUT', `/api/permissions/${vhost.vhost}/${user}`, { configure: '', write: '.*', read: '.*' });
}

async function cutConnectionsOf(vhost: Vhost, user: string, count: number): Promise<void> {
  const names = await eventually('the connections are listed', async () => {
    const all = (await manage(vhost, 'GET', '/api/connections')) as readonly { readonly name: string; readonly user?: string }[];
    const own = all.filter((connection) => connection.user === user);
    return own.length === count && own.map(({ name }) => name);
  });
  for (const name of names) await manage(vhost, 'DELETE', `/api/connections/${encodeURIComponent(name)}`);
}

/** A store of our own that asks for a password; `undefined` where this machine cannot have it. */
async function lockedRedis(t: Parameters<typeof partOrSkip>[0], password: string): Promise<RedisServer | undefined> {
  const redis = await partOrSkip(t, () => startRedis());
  if (redis !== undefined) await administer(redis, undefined, (admin) => admin.config('SET', 'requirepass', password));
  return redis;
}

async function administer(redis: RedisServer, password: string | undefined, use: (admin: Redis) => Promise<unknown>): Promise<void> {
  const admin = new Redis(redis.url, password === undefined ? {} : { password });
  await use(admin).finally(() => admin.disconnect());
}

suite('a process and its logins', { concurrency: 2 }, () => {
  for (const name of ['gateway', 'runner'] as const)
    for (const { what, change } of [
      { what: 'another password', change: { password: 'hunter2' } },
      { what: 'no such virtual host', change: { vhost: 'no/such' } },
    ])
      test(`${name}: a broker that knows ${what} ends it with exit code 1, naming host, virtual host and user`, (t) =>
        onPodsStage(t, '4.3', async ({ vhost, files }) => {
          const secret: Readonly<Record<string, string>> = { ...brokerSecret(vhost.amqpUrl), ...change };
          const own = files(name, { broker: secret });
          const { code, stderr } = await runPodProcess(name, own.environment());
          const place = `127.0.0.1:${secret.port?.trim()}`;
          const said = `RabbitMQ at ${place} refused the login of guest to virtual host ${secret.vhost?.trim()}: `;
          assert.ok(stderr.startsWith(`eventagent ${name}: ${said}`), stderr);
          assert.match(stderr, /^[^\n]*; correct the connection Secret of the broker, or the user's permissions\n$/);
          assert.doesNotMatch(stderr, /hunter2/);
          assert.equal(code, 1);
          assert.deepEqual(own.lastWords(), { reason: 'BrokerLoginRefused', message: stderr.slice(`eventagent ${name}: `.length, -1) });
        }));

  for (const { what, secret, said } of [
    { what: 'another password', secret: { password: 'hunter2\n' }, said: /refused the login of the default user: WRONGPASS/ },
    { what: 'another user', secret: { username: 'somebody', password: 'hunter2' }, said: /refused the login of somebody: WRONGPASS/ },
    { what: 'a password, and none is given', secret: {}, said: /refused a login without a password: NOAUTH/ },
  ])
    test(`a store that knows ${what} ends the runner with exit code 1`, async (t) => {
      await using redis = await lockedRedis(t, 'right/p@ss word');
      if (redis == null) return;
      const { hostname, port } = new URL(redis.url);
      await onPodsStage(t, '4.3', async ({ files }) => {
        const own = files('runner', { store: { host: hostname, port, ...secret } as Readonly<Record<string, string>> });
        const { code, stderr } = await runPodProcess('runner', own.environment());
        assert.match(stderr, said);
        assert.match(
          stderr,
          new RegExp(`^eventagent runner: the store at ${hostname}:${port} [^\\n]*; correct the connection Secret of the store\\n$`),
        );
        assert.doesNotMatch(stderr, /hunter2/);
        assert.equal(code, 1);
        assert.deepEqual(own.lastWords(), { reason: 'StoreLoginRefused', message: stderr.slice('eventagent runner: '.length, -1) });
      });
    });

  test('what cannot be reached is tried on and on, /readyz says so, and a corrected Secret needs no restart', (t) =>
    onPodsStage(t, '4.3', async ({ vhost, database, start, sink }) => {
      const nowhere = { broker: { connection_string: `amqp://u:hunter2@${NOBODY}/v` } };
      const gateway = await start('gateway', nowhere);
      const runner = await start('runner', { ...nowhere, store: { connection_string: `redis://${NOBODY}` } });
      for (const pod of [gateway, runner])
        await readyAs(pod, 503, /^there is no connection to the broker: no connection to RabbitMQ at 127\.0\.0\.1:1: connect ECONNREFUSED/);
      assert.equal(await deliver(gateway.gatewayUrl, 'too-early'), 503);

      gateway.files.broker.swap({ host: 'hunter2' });
      await readyAs(
        gateway,
        503,
        /^there is no connection to the broker: .*: the connection Secret of the broker at .*: there is no port, no username, no password$/,
      );
      for (const pod of [gateway, runner]) pod.files.broker.swap(brokerSecret(vhost.amqpUrl));
      await readyAs(gateway, 200, /ok/);
      await readyAs(runner, 503, /^the store at 127\.0\.0\.1:1 cannot be used: connect ECONNREFUSED/);
      assert.deepEqual(
        runner.lines().filter(({ msg }) => msg === 'ready'),
        [],
        'it takes no events without a store',
      );
      runner.files.store.swap({ port: 'hunter2' });
      await readyAs(runner, 503, /^the store cannot be used: the connection Secret of the store at .*: there is no host$/);
      runner.files.store.swap({ connection_string: database.url.replace(/\d+$/, '99999') });
      await readyAs(runner, 503, /^the store at \S+ has no database 99999 for us: ERR DB index is out of range/);
      assert.equal(runner.lines().filter(({ msg }) => msg === 'ready').length, 0, 'it works in no other database');
      runner.files.store.swap({ connection_string: database.url });
      await readyAs(runner, 200, /ok/);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      assert.equal((await settled(runner, 'event-1')).outcome, 'done');
      assert.equal(sink.effects().length, 1);
      const said = runner.lines().flatMap(({ level, msg, error }) => (level === 'warn' ? [`${msg}: ${error}`] : []));
      assert.deepEqual(said, [...new Set(said)], 'each is said once');
      assert.doesNotMatch(JSON.stringify([gateway.lines(), runner.lines()]), /hunter2/);
      for (const pod of [gateway, runner]) {
        pod.signal('SIGTERM');
        assert.equal(await pod.exit, 0);
      }
    }));

  test("the broker's password is rotated: refused with the old one it goes on trying, with the new one it works on, without a restart", (t) =>
    onPodsStage(t, '4.0', async ({ vhost, start, sink }) => {
      const user = `rotated-${randomUUID()}`;
      const secret = (password: string) => ({ ...brokerSecret(vhost.amqpUrl), username: user, password });
      try {
        await brokerUser(vhost, user, 'first/p@ss word');
        const gateway = await start('gateway', { broker: secret('first/p@ss word\n') });
        const runner = await start('runner', { broker: secret('first/p@ss word\n') });
        await Promise.all([gateway.untilReady(), runner.untilReady()]);
        assert.equal(await deliver(gateway.gatewayUrl, 'before'), 202);
        await settled(runner, 'before');

        await brokerUser(vhost, user, 'second:p%40ss');
        await cutConnectionsOf(vhost, user, 2);
        await readyAs(
          runner,
          503,
          new RegExp(`^there is no connection to the broker: RabbitMQ at \\S+ refused the login of ${user} to virtual host `),
        );
        const isRefusal = ({ error }: LogLine) => String(error).includes('refused the login');
        for (const pod of [gateway, runner]) await pod.until('the refusal is in the log', (lines) => lines.some(isRefusal), AGAIN_MS);
        assert.deepEqual(await gateway.readyz(), [200, 'ok'], 'its senders are to come again, and get 503 meanwhile');
        for (const pod of [gateway, runner]) pod.files.broker.swap(secret('second:p%40ss\n'));
        await readyAs(runner, 200, /ok/);
        await eventually('the gateway takes events again', async () => (await deliver(gateway.gatewayUrl, 'after')) === 202, AGAIN_MS);
        await settled(runner, 'after');
        assert.deepEqual(
          sink.effects().map(({ body }) => (JSON.parse(body) as { event: string }).event),
          ['before', 'after'],
        );
        for (const pod of [gateway, runner])
          assert.equal(pod.lines().filter(({ msg }) => msg === 'ready').length, 1, 'none was started anew');
      } finally {
        await manage(vhost, 'DELETE', `/api/users/${user}`);
      }
    }));

  test("the store's password is rotated: the runner takes the new one, without a restart", async (t) => {
    await using redis = await lockedRedis(t, 'first');
    if (redis == null) return;
    const { hostname, port } = new URL(redis.url);
    await onPodsStage(t, '4.3', async ({ start }) => {
      const runner = await start('runner', { store: { host: hostname, port, password: 'first' } });
      await runner.untilReady();
      await administer(redis, 'first', async (admin) => {
        await admin.config('SET', 'requirepass', 'second');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      });
      await readyAs(runner, 503, /^the store at \S+ refused the login of the default user: WRONGPASS/);
      runner.files.store.swap({ host: hostname, port, password: 'second' });
      await readyAs(runner, 200, /ok/);
      assert.equal(runner.hasEnded(), false);
    });
  });

  test('a store that goes away is told by /readyz, also while nobody uses it', async (t) => {
    await using redis = await partOrSkip(t, () => startRedis());
    if (redis == null) return;
    await onPodsStage(t, '4.3', async ({ start }) => {
      const runner = await start('runner', { store: { connection_string: redis.url } });
      await runner.untilReady();
      redis.pause();
      await readyAs(runner, 503, /^the store at \S+ /);
      redis.resume();
      await readyAs(runner, 200, /ok/);
    });
  });
});
