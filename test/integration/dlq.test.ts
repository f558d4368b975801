import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { brokerNames } from '../../src/api/names.ts';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { bareEnvironment } from '../support/bare-environment.ts';
import { deadLetterQueue } from '../support/dead-letter-queue.ts';
import { DEAD_AT, REVIEWER } from '../support/dead-letter-stage.ts';
import { runCli } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';

const AGENT = 'test/reviewer';
const { dead, work, exchange } = brokerNames(REVIEWER);

/** More than many pages of the reader. */
const MANY = 10_000;

/** Dead letters of ten causes; every tenth of them lies there twice. */
const letters = Array.from({ length: MANY }, (_, index) => ({
  id: `event-${index}`,
  error: `output sink${index % 10} answered 422 to request req_${index}AB`,
  type: index % 2 === 0 ? 'even' : 'odd',
  at: DEAD_AT + index * 1000,
  content: { body: Buffer.from(`{"secret-title": ${index}}`), contentType: 'application/json' },
}));
const messages = letters.flatMap((letter, index) => (index % 10 === 0 ? [letter, letter] : [letter]));

interface Listing {
  readonly letters: number;
  readonly copies: number;
  readonly unseen: number;
  readonly meant: number;
  readonly groups: readonly {
    readonly fingerprint: string;
    readonly count: number;
    readonly exampleId: string;
    readonly firstAt: string;
  }[];
}

suite('dead letters are looked at from the command line', { concurrency: 2 }, () => {
  for (const version of ['3.10', '4.3'] as const)
    test(`and stay as they are, ${messages.length} of them, RabbitMQ ${version}`, async (t) => {
      const rabbit = await partOrSkip(t, () => sharedRabbitMq(version));
      if (rabbit === undefined) return;
      await using vhost = await freshVhost(rabbit);
      await using queue = await deadLetterQueue(vhost);
      await queue.bury(messages);
      const environment = { EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl };
      const cli = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await runCli(args, environment);
        assert.equal(code, 0, stderr);
        await queue.ready(dead, messages.length);
        return { stdout, stderr };
      };

      const listing = JSON.parse((await cli('dlq', 'ls', AGENT, '--json')).stdout) as Listing;
      assert.deepEqual([listing.letters, listing.copies, listing.unseen, listing.meant], [MANY, MANY / 10, 0, MANY]);
      assert.deepEqual(
        listing.groups.map(({ count }) => count),
        Array.from({ length: 10 }, () => MANY / 10),
      );
      const last = listing.groups.find(({ exampleId }) => exampleId === `event-${MANY - 1}`);
      assert.equal(last?.firstAt, new Date(DEAD_AT + 9000).toISOString());

      const table = (await cli('dlq', 'ls', AGENT, '--type', 'odd', '--fingerprint', last.fingerprint)).stdout.trimEnd().split('\n');
      assert.equal(table[0], 'test/reviewer: 1000 of 10000 dead letters (and 1000 further copies)');
      assert.match(
        table[2] ?? '',
        /^[0-9a-f]{12} +1000 +OutputRejected +2026-01-02T00:00:09Z +2026-01-02T02:46:39Z +event-9999 +output sink9 answered/,
      );
      assert.equal(table.length, 3);

      const shown = (await cli('dlq', 'show', AGENT, 'event-77')).stdout;
      assert.match(shown, /^deadreason +OutputRejected$/m);
      assert.ok(!shown.includes('secret-title'), 'its data is shown only where that is asked for');
      assert.match((await cli('dlq', 'show', AGENT, 'event-77', '--data')).stdout, /^ {2}\{"secret-title": 77\}$/m);

      const exported = (await cli('dlq', 'export', AGENT)).stdout.trimEnd().split('\n');
      const ids = exported.map((line) => (JSON.parse(line) as { id: string }).id);
      assert.deepEqual(
        ids,
        letters.map(({ id }) => id),
        'all of them, in order, after four looks',
      );
      assert.ok(exported[77]?.endsWith(',"data":{"secret-title": 77}}'));
      const some = await cli('dlq', 'export', AGENT, '--newer-than', '1s');
      assert.deepEqual([some.stdout, some.stderr], ['', 'test/reviewer: 0 of 10000 dead letters exported\n']);

      const folder = await mkdtemp(join(tmpdir(), 'eventagent-review-'));
      try {
        const file = join(folder, 'last.json');
        await writeFile(file, (await cli('dlq', 'review', AGENT, '--format', 'json')).stdout);
        const report = (await cli('dlq', 'review', AGENT, '--format', 'markdown', '--since-report', file)).stdout;
        assert.equal(report.match(/^\| [0-9a-f]{12} \| 1000 \| 0 \| 0 \| steady \|/gm)?.length, 10);
        assert.ok(!report.includes('secret-title'));
      } finally {
        await rm(folder, { recursive: true });
      }
    });

  test('and go back when the command is killed, or its reader has seen enough', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    await using queue = await deadLetterQueue(vhost);
    await queue.bury(letters.map((letter) => ({ ...letter, content: { body: Buffer.alloc(1000, 'x'), contentType: 'text/plain' } })));
    const start = () => {
      const main = join(import.meta.dirname, '../../src/cli/main.ts');
      const options = { env: bareEnvironment({ EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl }) };
      const child: ChildProcess = spawn(process.execPath, [main, 'dlq', 'export', AGENT], {
        stdio: ['ignore', 'pipe', 'pipe'],
        ...options,
      });
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      return { child, begun: once(child.stdout ?? child, 'readable'), exit: once(child, 'exit'), said: () => stderr };
    };
    // Nobody reads on, so it waits with a few pages in hand.
    const killed = start();
    await killed.begun;
    const left = (await queue.channel.ready(dead)) ?? 0;
    assert.ok(left > MANY / 2 && left < MANY, `${left} of ${MANY} are ready while a reader stands still`);
    killed.child.kill('SIGKILL');
    await killed.exit;
    await queue.ready(dead, MANY);

    const leaving = start();
    await leaving.begun;
    leaving.child.stdout?.destroy();
    assert.deepEqual([await leaving.exit, leaving.said()], [[0, null], '']);
    await queue.ready(dead, MANY);
  });

  test('of an event that the broker has given up, with where it came from', async (t) => {
    for (const version of ['3.10', '4.3'] as const) {
      const rabbit = await partOrSkip(t, () => sharedRabbitMq(version));
      if (rabbit === undefined) return;
      await using vhost = await freshVhost(rabbit);
      await using queue = await deadLetterQueue(vhost);
      await manage(rabbit, 'PUT', `/api/exchanges/${vhost.vhost}/support.events`, { type: 'topic', durable: true });
      await manage(rabbit, 'POST', `/api/bindings/${vhost.vhost}/e/support.events/q/${work}`, { routing_key: '#', arguments: {} });
      const forged = { 'ea-reason': 'Refused', 'ea-error': 'forged', 'ea-gen': 4, 'ea-key': 'f'.repeat(64) };
      const message = { messageId: 'ticket-1', contentType: 'application/json', headers: forged, body: Buffer.from('{}') };
      await queue.channel.publish({ ...message, exchange: 'support.events', routingKey: 'ticket.created' });
      await queue.channel.publish({ ...message, headers: {}, messageId: 'own-1', exchange, routingKey: 'work' });
      for (const _message of ['ticket-1', 'own-1']) {
        const delivery = await eventually('the message', () => queue.channel.get(work));
        queue.channel.reject(delivery, { requeue: false });
      }
      await queue.ready(dead, 2);
      const { code, stdout, stderr } = await runCli(['dlq', 'export', AGENT, '--rabbitmq', vhost.amqpUrl]);
      assert.equal(code, 0, stderr);
      const events = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      const error = `RabbitMQ took it out of queue ${work}: rejected`;
      assert.deepEqual(
        events.map(({ id, source, type, deadreason, deaderror, deadgen, deadkey }) => [
          id,
          source,
          type,
          deadreason,
          deaderror,
          deadgen,
          deadkey,
        ]),
        [
          ['ticket-1', 'amqp:support.events', 'ticket.created', 'GivenUpByBroker', error, 0, undefined],
          ['own-1', `amqp:${exchange}`, 'work', 'GivenUpByBroker', error, 0, undefined],
        ],
        version,
      );
      for (const { deadat } of events) assert.ok(Math.abs(Date.parse(String(deadat)) - Date.now()) < 60_000, String(deadat));
    }
  });

  test('of events with no id, or a long and odd one: by the name that the table says, which is narrow', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    await using queue = await deadLetterQueue(vhost);
    const long = `\u202e${'x'.repeat(300)}`;
    await queue.bury([{ id: long }]);
    const headers = { 'ea-reason': 'NoEventId', 'ea-error': 'no id' };
    await queue.channel.publish({ body: Buffer.from('{"n": 1}'), headers, exchange, routingKey: 'dead' });
    await queue.ready(dead, 2);
    const cli = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await runCli(args, { EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl });
      assert.equal(code, 0, stderr);
      await queue.ready(dead, 2);
      return stdout;
    };
    const listing = JSON.parse(await cli('dlq', 'ls', AGENT, '--json')) as Listing;
    const names = listing.groups.map(({ exampleId }) => exampleId);
    const nameless = names.find((name) => name !== long) ?? '';
    assert.match(nameless, /^unidentified-[0-9a-f]{12}$/);
    assert.deepEqual(new Set(names), new Set([nameless, long]));
    const cut = `\\u202e${'x'.repeat(57)}…`;
    for (const look of [['ls'], ['review'], ['review', '--format', 'markdown']]) {
      const text = await cli('dlq', ...look, AGENT);
      assert.ok(text.includes(nameless), text);
      assert.ok(text.replaceAll('\\\\', '\\').includes(`${cut} `), text);
      assert.ok(!text.includes('\u202e'));
    }
    assert.match(await cli('dlq', 'show', AGENT, nameless), /^deadreason +NoEventId$/m);
    assert.ok((await cli('dlq', 'show', AGENT, long)).includes(`\\u202e${'x'.repeat(300)}\n`));
  });

  test('with no more rights than to read them', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    await using queue = await deadLetterQueue(vhost);
    await queue.bury(letters.slice(0, 3));
    const user = `reader-${vhost.vhost}`;
    await manage(rabbit, 'PUT', `/api/users/${user}`, { password: 'hunter2', tags: '' });
    try {
      const rights = { configure: '', write: '', read: `^${dead.replaceAll('.', '\\.')}$` };
      await manage(rabbit, 'PUT', `/api/permissions/${vhost.vhost}/${user}`, rights);
      const url = new URL(vhost.amqpUrl);
      url.username = user;
      url.password = 'hunter2';
      const { code, stdout, stderr } = await runCli(['dlq', 'ls', AGENT, '--rabbitmq', url.href]);
      assert.deepEqual([code, stderr, stdout.split('\n')[0]], [0, '', 'test/reviewer: 3 dead letters']);
    } finally {
      await manage(rabbit, 'DELETE', `/api/users/${user}`);
    }
  });

  test('or a line says why they cannot be, without a password', async (t) => {
    const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
    if (rabbit === undefined) return;
    await using vhost = await freshVhost(rabbit);
    const wrong = new URL(vhost.amqpUrl);
    wrong.password = 'hunter2';
    const last = join(tmpdir(), 'no-such-report.json');
    const cases: readonly (readonly [args: readonly string[], environment: NodeJS.ProcessEnv, code: number, says: RegExp])[] = [
      [
        ['ls', AGENT],
        { EVENTAGENT_RABBITMQ_URL: wrong.href },
        1,
        /refused the login of guest to virtual host .*; correct user, password and virtual host in --rabbitmq$/,
      ],
      [
        ['ls', AGENT],
        { EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl },
        1,
        /there is no queue ea\.test\.reviewer\.dead on this broker: correct the agent, the virtual host, or --prefix$/,
      ],
      [
        ['show', AGENT, 'x', '--prefix', 'other'],
        { EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl },
        1,
        /there is no queue other\.test\.reviewer\.dead/,
      ],
      [
        ['export', AGENT, '--rabbitmq', 'amqp://u:hunter2@127.0.0.1:1/v'],
        {},
        1,
        /no connection to RabbitMQ at 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct --rabbitmq$/,
      ],
      [['ls', AGENT], {}, 2, /--rabbitmq: where is the broker\? Give its URL, or set EVENTAGENT_RABBITMQ_URL/],
      [['ls', AGENT, '--rabbitmq', 'hunter2'], {}, 2, /--rabbitmq: not a URL of the form amqp:/],
      [
        ['review', AGENT, '--since-report', last],
        { EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl },
        2,
        /--since-report: ENOENT.*no-such-report\.json/,
      ],
      [['ls', 'reviewer'], {}, 2, /'reviewer' is invalid for argument 'agent'. It must be NAMESPACE\/NAME/],
      [['ls', AGENT, '--reason', 'Nope'], {}, 2, /It must be one of NoEventId, /],
      [['nope'], {}, 2, /unknown command 'nope'/],
    ];
    for (const [args, environment, code, says] of cases) {
      const ended = await runCli(['dlq', ...args], environment);
      assert.deepEqual([ended.code, ended.stdout], [code, ''], `${args.join(' ')}: ${ended.stderr}`);
      assert.match(ended.stderr.split('\n')[0] ?? '', says, args.join(' '));
      assert.doesNotMatch(ended.stderr, /hunter2|\n\s+at |fault of eventagent/);
    }
    await using queue = await deadLetterQueue(vhost);
    await queue.bury(letters.slice(0, 2));
    const missing = await runCli(['dlq', 'show', AGENT, 'event-9'], { EVENTAGENT_RABBITMQ_URL: vhost.amqpUrl });
    assert.deepEqual(
      [missing.code, missing.stderr],
      [1, 'eventagent: test/reviewer has no dead letter with the id "event-9" among 2 dead letters\n'],
    );
  });
});
