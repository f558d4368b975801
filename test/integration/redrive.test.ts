import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerNames } from '../../src/api/names.ts';
import { connectRabbitMq } from '../../src/broker/amqp.ts';
import type { Channel } from '../../src/broker/port.ts';
import { manage } from '../parts/vhost.ts';
import { bareEnvironment } from '../support/bare-environment.ts';
import { deadLetterQueue } from '../support/dead-letter-queue.ts';
import { REVIEWER } from '../support/dead-letter-stage.ts';
import { type DevProcess, manifestFolder, runCli, startDev } from '../support/dev-process.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { eventually } from '../support/eventually.ts';
import { deliver } from '../support/github-sender.ts';
import type { HttpSink } from '../support/http-sink.ts';
import { brokerSecret, reviewerInPods } from '../support/pod-content.ts';
import { podFiles } from '../support/pod-process.ts';
import { onRealStage, type RealStage } from '../support/real-stage.ts';
import { reviewAgent } from '../support/review-agent.ts';

const AGENT = 'test/reviewer';
const { dead, work, exchange } = brokerNames(REVIEWER);

interface Counts {
  readonly depth: number;
  readonly redriven: number;
  readonly superseded: number;
  readonly copies: number;
  readonly withOpenIntents: number;
  readonly left: number;
  readonly succeeded?: number;
  readonly notFollowed?: number;
  readonly error?: string;
}

/** A channel to look at queues by. */
async function withChannel(stage: RealStage, use: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = connectRabbitMq({ url: stage.vhost.amqpUrl, name: 'test' });
  try {
    await use(await connection.openChannel({ prefetch: 1 }, AbortSignal.timeout(30_000)));
  } finally {
    await connection.close();
  }
}

/** How many connections there are of this name. */
async function connections({ vhost }: RealStage, name: string): Promise<number> {
  const listed = (await manage(vhost, 'GET', `/api/vhosts/${vhost.vhost}/connections`)) as readonly {
    readonly client_properties?: { readonly connection_name?: string };
  }[];
  return listed.filter(({ client_properties }) => client_properties?.connection_name === name).length;
}

const environmentOf = ({ vhost, database }: RealStage) => ({
  EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl,
  EVENTAGENT_REDIS_URL: database.url,
});

/** Runs `eventagent redrive --json` to its end. */
async function redrive(stage: RealStage, args: readonly string[] = [], wantCode = 0): Promise<Counts> {
  const { code, stdout, stderr } = await runCli(['redrive', AGENT, '--json', ...args], environmentOf(stage));
  assert.equal(code, wantCode, stderr);
  return JSON.parse(stdout) as Counts;
}

/** Refused in one way or another: five events in a row that fail alike would be handed back. */
const refusal = (ordinal: number) => ({ status: [422, 404, 410][ordinal % 3] ?? 422 });

/** How often each output of each event had its effect. */
function effects(sink: HttpSink): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { path, body } of sink.effects()) {
    const name = `${path} ${(JSON.parse(body) as { event: string }).event}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const doneOf = (dev: DevProcess) => endsOf(dev).filter(({ outcome }) => outcome === 'done').length;

const ids = (count: number) => Array.from({ length: count }, (_, index) => `event-${index}`);

suite('a redrive', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`runs each dead letter again: every output has its effect once, and nothing is bought twice, RabbitMQ ${version}`, (t) =>
      onRealStage(t, version, async (stage) => {
        const { stub, sink, parts } = stage;
        let broken = true;
        // The last event's second output arrives, and its answer is lost.
        sink.script(({ path, body, ordinal }) => {
          if (!broken || path !== '/second') return {};
          return body.includes('event-5') ? { ending: 'reset', effect: true } : refusal(ordinal);
        });
        const agent = { claudeUrl: stub.url, sinkUrl: sink.url, outputs: ['first', 'second'], onUnknownResult: 'DeadLetter' as const };
        await using manifest = await manifestFolder(reviewAgent(agent));
        await using dev = await startDev([manifest.file, ...parts]);
        const all = ids(6);
        for (const id of all) assert.equal(await deliver(dev.gatewayUrl, id), 202);
        for (const id of all) assert.equal((await settled(dev, id)).outcome, 'dead');
        const bought = stub.received().length;
        broken = false;

        await withChannel(stage, async (channel) => {
          const lying = (count: number) => eventually(`${count} dead letters`, async () => (await channel.ready(dead)) === count);
          const none = { superseded: 0, copies: 0 };
          const runs = endsOf(dev).length;
          const dryRun = await redrive(stage, ['--dry-run']);
          assert.deepEqual(dryRun, { agent: AGENT, dryRun: true, depth: 6, redriven: 6, ...none, withOpenIntents: 1, left: 0 });
          await lying(6);
          assert.deepEqual([endsOf(dev).length, sink.requests().length], [runs, 12], 'nothing was run');

          const unknown = await redrive(stage, ['--reason', 'OutputUnknown', '--rate', '10/s']);
          assert.deepEqual(unknown, { agent: AGENT, dryRun: false, depth: 6, redriven: 1, ...none, withOpenIntents: 1, left: 5 });
          const two = await redrive(stage, ['--limit', '2']);
          assert.deepEqual(two, { agent: AGENT, dryRun: false, depth: 5, redriven: 2, ...none, withOpenIntents: 0, left: 3 });
          await lying(3);
          const copies = await lettersOf(channel);
          assert.equal((await redrive(stage)).redriven, 3);
          await dev.until('all are done', () => doneOf(dev) === 6);
          await lying(0);

          // As a runner leaves them that dies between the confirm of a dead letter and its mark.
          for (const copy of copies) await channel.publish({ ...copy, exchange, routingKey: 'dead' });
          const late = await redrive(stage);
          assert.deepEqual(late, {
            agent: AGENT,
            dryRun: false,
            depth: 3,
            redriven: 0,
            superseded: 3,
            copies: 0,
            withOpenIntents: 0,
            left: 0,
          });
          await lying(0);
        });
        assert.deepEqual(effects(sink), Object.fromEntries(all.flatMap((id) => ['/first', '/second'].map((path) => [`${path} ${id}`, 1]))));
        assert.deepEqual(sink.conflicts(), [], 'what was sent again is what was sent before');
        const sent = (path: string) => sink.requests().filter((request) => request.path === path).length;
        assert.deepEqual([sent('/first'), sent('/second')], [6, 12], 'what was delivered is not delivered again');
        assert.equal(stub.received().length, bought, 'every answer was bought once');
        assert.equal(
          endsOf(dev).some(({ outcome }) => outcome === 'duplicate'),
          false,
        );
      }));

  for (const version of ['3.10', '4.3'] as const)
    test(`killed again and again loses no event and runs none twice, RabbitMQ ${version}`, (t) =>
      onRealStage(t, version, async (stage) => {
        const { stub, sink, parts } = stage;
        let broken = true;
        sink.script(({ ordinal }) => (broken ? refusal(ordinal) : {}));
        const options = { claudeUrl: stub.url, sinkUrl: sink.url, delivery: { concurrency: 8 } };
        await using manifest = await manifestFolder(reviewAgent(options));
        await using dev = await startDev([manifest.file, ...parts]);
        const all = ids(150);
        assert.ok((await Promise.all(all.map((id) => deliver(dev.gatewayUrl, id)))).every((status) => status === 202));
        await dev.until('all are dead', () => endsOf(dev).filter(({ outcome }) => outcome === 'dead').length === all.length, 60_000);
        broken = false;
        const bought = stub.received().length;

        await withChannel(stage, async (channel) => {
          let left = all.length;
          let kills = 0;
          for (; kills < 6 && left > 20; kills += 1) {
            const main = join(import.meta.dirname, '../../src/cli/main.ts');
            const env = bareEnvironment(environmentOf(stage));
            const child = spawn(process.execPath, [main, 'redrive', AGENT], { stdio: 'ignore', env });
            const exit = once(child, 'exit');
            const done = doneOf(dev);
            await dev.until('it has begun', () => doneOf(dev) > done || child.exitCode !== null);
            await delay(Math.random() * 20);
            child.kill('SIGKILL');
            await exit;
            // The broker notices that the connection is gone, and gives back what it held.
            await eventually('the connection is gone', async () => (await connections(stage, 'eventagent dead letters')) === 0);
            let seen = -1;
            await eventually('the dead letters are back', async () => {
              const before = seen;
              seen = (await channel.ready(dead)) ?? 0;
              if (before !== seen) await delay(500);
              return before === seen;
            });
            assert.ok(seen <= left);
            left = seen;
          }
          t.diagnostic(`${kills} kills left ${left} of ${all.length}`);
          assert.ok(kills >= 1 && left < all.length);
          await redrive(stage);
          assert.equal(await channel.ready(dead), 0);
          await dev.until('all are done', () => doneOf(dev) >= all.length, 60_000);
          await eventually('nothing waits', async () => (await channel.ready(work)) === 0);
        });
        await dev.until('each has ended', () => all.every((id) => endsOf(dev, id).some(({ outcome }) => outcome === 'done')), 60_000);
        assert.deepEqual(effects(sink), Object.fromEntries(all.map((id) => [`/sink ${id}`, 1])));
        const twice = all.filter((id) => endsOf(dev, id).filter(({ outcome }) => outcome === 'done').length > 1);
        assert.deepEqual(twice, [], 'a second copy is a duplicate');
        assert.equal(stub.received().length, bought, 'every answer was bought once');
        t.diagnostic(`${endsOf(dev).filter(({ outcome }) => outcome === 'duplicate').length} second copies were dropped`);
      }));

  test('that dies between a confirm and its acknowledgement is repeated, and each event is run once', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      const { stub, sink, parts } = stage;
      let broken = true;
      sink.script(({ ordinal }) => (broken ? refusal(ordinal) : {}));
      await using manifest = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url, delivery: { concurrency: 8 } }));
      const all = ids(20);
      {
        await using first = await startDev([manifest.file, ...parts]);
        for (const id of all) assert.equal(await deliver(first.gatewayUrl, id), 202);
        for (const id of all) assert.equal((await settled(first, id)).outcome, 'dead');
        first.signal('SIGTERM');
        assert.equal(await first.exit, 0);
      }
      broken = false;
      await withChannel(stage, async (channel) => {
        const letters = await lettersOf(channel);
        assert.equal((await redrive(stage)).redriven, all.length);
        // What the broker gives back whose acknowledgements never arrived.
        for (const letter of letters) await channel.publish({ ...letter, exchange, routingKey: 'dead' });
        assert.equal((await redrive(stage)).redriven, all.length, 'nobody has taken the first copies yet');
        assert.deepEqual([await channel.ready(work), await channel.ready(dead)], [2 * all.length, 0]);
      });
      await using second = await startDev([manifest.file, ...parts]);
      const ended = () => endsOf(second).filter(({ outcome }) => outcome === 'done' || outcome === 'duplicate');
      await second.until('every copy has ended', () => ended().length === 2 * all.length, 90_000);
      assert.equal(doneOf(second), all.length);
      assert.deepEqual(effects(sink), Object.fromEntries(all.map((id) => [`/sink ${id}`, 1])));
      assert.equal(stub.received().length, all.length, 'every answer was bought once');
    }));

  test('puts back what no runner has settled, as what it was: the record decides whether it still may run', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      const { stub, sink, parts, vhost } = stage;
      await using queue = await deadLetterQueue(vhost);
      const { channel } = queue;
      const message = { contentType: 'application/json', body: Buffer.from('{"title": "an order"}') };
      const headers = { 'ce-source': '/shop', 'ce-type': 'order' };
      await channel.publish({ ...message, messageId: 'order-1', headers, exchange, routingKey: 'work' });
      const taken = await eventually('the message', () => channel.get(work));
      channel.reject(taken, { requeue: false });
      await queue.ready(dead, 1);

      await using manifest = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url }));
      await using dev = await startDev([manifest.file, ...parts]);
      assert.equal(await deliver(dev.gatewayUrl, 'done-1'), 202);
      assert.equal((await settled(dev, 'done-1')).outcome, 'done');
      const byHand = { ...headers, 'ce-source': 'https://github.com' };
      await channel.publish({ ...message, messageId: 'done-1', headers: byHand, exchange: '', routingKey: dead });
      const counts = await redrive(stage, ['--stop-at-failures', '50']);
      assert.deepEqual([counts.redriven, counts.superseded, counts.left, counts.succeeded, counts.notFollowed], [1, 1, 0, 0, 1]);
      assert.equal((await settled(dev, 'order-1')).outcome, 'done');
      assert.deepEqual(effects(sink), { '/sink done-1': 1, '/sink order-1': 1 });
    }));

  test('in a pod of an agent goes to the broker and the store of the pod', (t) =>
    onRealStage(t, '4.3', async ({ vhost, database, stub, sink }) => {
      await using queue = await deadLetterQueue(vhost);
      await queue.bury([{ id: 'event-1' }, { id: 'event-2' }]);
      const { runner } = reviewerInPods({ claudeUrl: stub.url, sinkUrl: sink.url });
      const broker = brokerSecret(vhost.amqpUrl);
      using files = podFiles({ configuration: runner, broker, store: { connection_string: `${database.url}\n` } });
      const listed = await runCli(['dlq', 'ls', AGENT], files.environment());
      assert.deepEqual([listed.code, listed.stderr, listed.stdout.split('\n')[0]], [0, '', 'test/reviewer: 2 dead letters']);
      const moved = await runCli(['redrive', AGENT, '--limit', '1'], files.environment());
      const told = 'test/reviewer: of 2 messages redriven 1, superseded 0, further copies 0, left 1\n';
      assert.deepEqual([moved.code, moved.stderr, moved.stdout], [0, '', told]);
      await Promise.all([queue.ready(dead, 1), queue.ready(work, 1)]);
      const receipts = await runCli(['events', 'ls', AGENT], files.environment());
      assert.deepEqual([receipts.code, receipts.stderr], [0, '']);
      assert.match(receipts.stdout, /^no receipts of test\/reviewer: /);
      files.broker.swap({ ...broker, password: 'hunter2' });
      const refused = await runCli(['dlq', 'ls', AGENT], files.environment());
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^eventagent: RabbitMQ at 127\.0\.0\.1:\d+ refused the login of guest .*\n$/);
      assert.doesNotMatch(refused.stderr, /hunter2|--rabbitmq/);
    }));

  test('that is told to stop ends between two events, and says what it has done', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      await using queue = await deadLetterQueue(stage.vhost);
      await queue.bury(ids(5).map((id) => ({ id })));
      const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'redrive', AGENT, '--rate', '1/m'], {
        env: bareEnvironment(environmentOf(stage)),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      t.after(() => child.kill('SIGKILL'));
      const said = { out: '', err: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
      await queue.ready(work, 1);
      child.kill('SIGINT');
      assert.deepEqual(await once(child, 'close'), [1, null]);
      assert.deepEqual(said, {
        out: `${AGENT}: of 5 messages redriven 1, superseded 0, further copies 0, left 4\n`,
        err: 'eventagent: told to stop by SIGINT\n',
      });
      await queue.ready(dead, 4);
    }));

  test('says in one line why it cannot be made, and what it has done', (t) =>
    onRealStage(t, '4.3', async (stage) => {
      const { RABBITMQ, ...cases } = {
        RABBITMQ: stage.vhost.amqpUrl,
        'no store': [[], 2, /--redis: where is the store\? Give its URL, or set EVENTAGENT_REDIS_URL/],
        'a store that is away': [
          ['--redis', 'redis://:hunter2@127.0.0.1:1/0'],
          1,
          /--redis: the store at 127\.0\.0\.1:1 cannot be used: .*; start it, or correct --redis$/,
        ],
        'no queue': [['--redis', stage.database.url], 1, /there is no queue ea\.test\.reviewer\.dead/],
        'a pace that is none': [['--rate', 'fast'], 2, /It must be a number of events a second or a minute/],
        'a limit that is none': [['--limit', '0'], 2, /It must be a whole number from 1/],
      } as const;
      for (const [name, [args, code, says]] of Object.entries(cases)) {
        const ended = await runCli(['redrive', AGENT, ...args], { EVENTAGENT_RABBITMQ_URL: RABBITMQ });
        assert.deepEqual([ended.code, ended.stdout], [code, ''], `${name}: ${ended.stderr}`);
        assert.match(ended.stderr.split('\n')[0] ?? '', says, name);
        assert.doesNotMatch(ended.stderr, /hunter2|\n\s+at |fault of eventagent/);
      }
    }));
});

/** The dead letters as they lie, which stay. */
async function lettersOf(channel: Channel) {
  const found = [];
  for (let delivery = await channel.get(dead); delivery !== undefined; delivery = await channel.get(dead)) found.push(delivery);
  for (const delivery of found) channel.nack(delivery, { requeue: true });
  return found.map(({ body, headers, messageId, contentType, timestamp }) => ({
    body,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-'))),
    ...(messageId === undefined ? {} : { messageId }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(timestamp === undefined ? {} : { timestamp }),
  }));
}
