import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { compileSchedule } from '../../src/compile/schedule.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { type RedisServer, startRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { eventAgent } from '../support/agent.ts';
import { manifestFolder, runCli } from '../support/dev-process.ts';
import { settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import { startLogged } from '../support/logged-process.ts';
import { brokerSecret } from '../support/pod-content.ts';
import { type PodProcess, podFiles } from '../support/pod-process.ts';
import { onPodsStage } from '../support/pods-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';
import { agentSchedule } from '../support/schedule.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const EVICTING = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'];
const UNSAFE =
  /^StoreUnsafe: the store evicts .*\(maxmemory-policy allkeys-lru, maxmemory 104857600 bytes\).*set its maxmemory-policy to noeviction, or .*accept_eviction: "true"/;

/** A Redis of a test's own, and a connection to command it by. */
async function ownRedis(t: TestContext, options: readonly string[] = []): Promise<{ server: RedisServer; admin: Redis } | undefined> {
  const server = await partOrSkip(t, () => startRedis({ arguments: options }));
  if (server === undefined) return undefined;
  const admin = new Redis(server.url);
  t.after(async () => {
    admin.disconnect();
    await server.stop();
  });
  return { server, admin };
}

async function readyAs(pod: PodProcess, status: number, text: RegExp): Promise<void> {
  await eventually(`${status} ${text}`, async () => {
    const [code, said] = await pod.readyz();
    return code === status && text.test(said);
  });
}

const ids = (requests: readonly { readonly body: string }[]) =>
  requests.map(({ body }) => (JSON.parse(body) as { readonly event: string }).event);

suite('a store that cannot be trusted', { concurrency: 2 }, () => {
  test('one that evicts: nothing is taken, and it is said, until it does so no more', async (t) => {
    const redis = await ownRedis(t, EVICTING);
    if (redis === undefined) return;
    const { server, admin } = redis;
    await onPodsStage(t, '4.3', async ({ start, stub, sink, look }) => {
      const gateway = await start('gateway');
      const runner = await start('runner', { store: { connection_string: server.url } });
      await gateway.untilReady();
      await readyAs(runner, 503, UNSAFE);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-1'), 202);
      // Asked once more, it says the same, and the event lies where it was.
      await readyAs(runner, 503, UNSAFE);
      assert.deepEqual([(await look('ea.test.reviewer')).length, stub.received().length], [1, 0]);

      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await readyAs(runner, 200, /^ok$/);
      assert.equal((await settled(runner, 'event-1')).outcome, 'done');

      // It begins to evict while the runner is at work.
      await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      await readyAs(runner, 503, UNSAFE);
      assert.equal(await deliver(gateway.gatewayUrl, 'event-2'), 202);
      const paused = async () => sumOf(await scrape(`${runner.metricsUrl}/metrics`), 'eventagent_intake_paused', { reason: 'store' }) === 1;
      await eventually('the intake is closed', paused);
      assert.deepEqual(ids(sink.requests()), ['event-1']);
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      assert.equal((await settled(runner, 'event-2', 20_000)).outcome, 'done');
      assert.deepEqual([ids(sink.requests()), stub.ledger().length], [['event-1', 'event-2'], 2]);
    });
  });

  test('one that evicts is used where its connection Secret accepts that', async (t) => {
    const redis = await ownRedis(t, EVICTING);
    if (redis === undefined) return;
    await onPodsStage(t, '4.3', async ({ start }) => {
      const connection = { connection_string: redis.server.url };
      const runner = await start('runner', { store: { ...connection, accept_eviction: 'yes' } });
      await readyAs(runner, 503, UNSAFE);
      runner.files.store.swap({ ...connection, accept_eviction: 'true\n' });
      await readyAs(runner, 200, /^ok$/);
      const said = () => runner.lines().filter(({ msg }) => /^it is accepted that the store may evict/.test(msg)).length;
      await runner.until('it is said', () => said() > 0);
      assert.equal(said(), 1);
    });
  });

  test('one with a policy that evicts, and no limit of its memory, evicts nothing', async (t) => {
    const redis = await ownRedis(t, ['--maxmemory-policy', 'volatile-lru']);
    if (redis === undefined) return;
    await onPodsStage(t, '4.3', async ({ start }) => {
      await (await start('runner', { store: { connection_string: redis.server.url } })).untilReady();
    });
  });

  test('one that does not say whether it evicts is used', async (t) => {
    const redis = await ownRedis(t, EVICTING);
    if (redis === undefined) return;
    await redis.admin.acl('SETUSER', 'runner', 'on', '>secret', '~ea:*', '+@all', '-info', '-config');
    const store = createRedisStore({ url: redis.server.url.replace('//', '//runner:secret@'), onError: () => {} });
    t.after(() => store.close());
    assert.equal((await store.inspect({ namespace: 'test', name: 'agent' })).eviction, 'unknown');
  });

  test('a tick ends with the reason, and dev does not start', async (t) => {
    const redis = await ownRedis(t, EVICTING);
    if (redis === undefined) return;
    await onPodsStage(t, '4.3', async ({ vhost, look, start }) => {
      const { url } = redis.server;
      await (await start('runner')).untilReady();
      const schedule = agentSchedule({ agent: 'reviewer', spec: { every: '24h', input: {} } });
      using files = podFiles({
        configuration: compileSchedule(schedule, eventAgent({ name: 'reviewer' }), { uid: 'uid' }),
        broker: brokerSecret(vhost.amqpUrl),
        store: { connection_string: url },
      });
      const environment = files.environment({ EVENTAGENT_JOB_NAME: 'by-hand', EVENTAGENT_JOB_UID: 'job-uid' });
      await using tick = startLogged([join(import.meta.dirname, '../../src/tick/start.ts')], environment);
      assert.equal(await tick.exit, 1);
      const words = files.lastWords() as { readonly reason: string; readonly message: string };
      assert.equal(words.reason, 'StoreUnsafe');
      assert.match(words.message, UNSAFE);
      assert.deepEqual(await look('ea.test.reviewer'), []);

      await using manifest = await manifestFolder(reviewAgent({ claudeUrl: 'http://127.0.0.1:1', sinkUrl: 'http://127.0.0.1:1' }));
      const { code, stderr } = await runCli(['dev', manifest.file, '--redis', url, '--port', '0', '--metrics-port', '0']);
      assert.equal(code, 1);
      assert.match(stderr, /^eventagent: StoreUnsafe: the store evicts .*: set its maxmemory-policy to noeviction\n$/);
    });
  });

  for (const version of ['3.10', '4.3'] as const)
    test(`one that is emptied in the middle of a run, RabbitMQ ${version}: the runner holds until that is acknowledged, and no event is lost`, async (t) => {
      const redis = await ownRedis(t);
      if (redis === undefined) return;
      const { server, admin } = redis;
      await onPodsStage(t, version, async ({ start, stub, sink, look }) => {
        const gateway = await start('gateway');
        const runner = await start('runner', { store: { connection_string: server.url } });
        await Promise.all([gateway.untilReady(), runner.untilReady()]);
        assert.equal(await deliver(gateway.gatewayUrl, 'before'), 202);
        await settled(runner, 'before');
        const answer = createGate();
        stub.script(() => ({ hold: { at: 'headers', until: answer.opened } }));
        assert.equal(await deliver(gateway.gatewayUrl, 'during'), 202);
        await stub.until('the run is under way', () => stub.received().length === 2);

        await admin.flushall();
        stub.script(() => ({}));
        // At once: whoever would take them has not been told yet. The first one is its sender's retry.
        for (const id of ['before', 'after']) assert.equal(await deliver(gateway.gatewayUrl, id), 202);
        answer.open();
        await readyAs(runner, 503, /^StoreLost: .*`eventagent store acknowledge test\/reviewer`/);
        await eventually('the answer has come', async () => stub.ledger().length === 2);
        assert.deepEqual([ids(sink.requests()), stub.ledger().length], [['before'], 2]);
        assert.deepEqual(await admin.keys('ea:{test/reviewer}:event:*'), [], 'nothing is taken');

        const acknowledged = await runCli(['store', 'acknowledge', 'test/reviewer'], { EVENTAGENT_REDIS_URL: server.url });
        assert.deepEqual([acknowledged.code, acknowledged.stderr], [0, '']);
        assert.match(acknowledged.stdout, /^acknowledged: test\/reviewer goes on /);
        await readyAs(runner, 200, /^ok$/);
        for (const id of ['during', 'after']) assert.equal((await settled(runner, id, 90_000)).outcome, 'done');
        await sink.until('all are sent', () => sink.requests().length >= 4);
        assert.deepEqual(ids(sink.requests()).toSorted(), ['after', 'before', 'before', 'during'], 'what was forgotten is run again');
        const sinkKeys = sink.requests().filter(({ body }) => body.includes('"before"'));
        assert.equal(new Set(sinkKeys.map(({ headers }) => headers['idempotency-key'])).size, 1, 'by the same key');
        await eventually('nothing is left', async () => (await look('ea.test.reviewer')).length === 0);
        assert.deepEqual(await look('ea.test.reviewer.dead'), []);
        assert.equal(runner.hasEnded(), false);

        const listed = await runCli(['events', 'ls', 'test/reviewer', '--json', '--redis', server.url]);
        const receipts = listed.stdout
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { readonly id: string }).id);
        assert.deepEqual(receipts.toSorted(), ['after', 'before', 'during']);
      });
    });

  test('an acknowledgement says when there was nothing to acknowledge', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const store = createRedisStore({ url: redis.server.url, onError: () => {} });
    t.after(() => store.close());
    await store.inspect({ namespace: 'test', name: 'reviewer' });
    const { code, stdout } = await runCli(['store', 'acknowledge', 'test/reviewer', '--redis', redis.server.url]);
    assert.equal(code, 0);
    assert.equal(stdout, 'nothing to acknowledge: no runner of test/reviewer has found that this store has lost anything\n');
  });

  test('a loss that nobody has seen cannot be acknowledged', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const { code, stderr } = await runCli(['store', 'acknowledge', 'test/reviewer', '--redis', redis.server.url]);
    assert.equal(code, 1);
    assert.match(stderr, /^eventagent: no runner of test\/reviewer has looked at this store: correct the name/);
  });
});
