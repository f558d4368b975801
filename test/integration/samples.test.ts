import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Connection } from 'rabbitmq-client';
import { sharedRabbitMq } from '../parts/rabbitmq.ts';
import { freshDatabase, sharedRedis } from '../parts/redis.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { type ClaudeStub, startClaudeStub } from '../support/claude-stub.ts';
import { type DevProcess, runCli, startDev } from '../support/dev-process.ts';
import { githubDelivery } from '../support/github-delivery.ts';
import { type HttpSink, startHttpSink } from '../support/http-sink.ts';
import { SAMPLES, sampleCopy } from '../support/sample-copy.ts';

/** What a sender of a sample sends, with some of its data changed. */
async function delivered<Event>(file: string, change: (event: Event) => unknown = (event) => event): Promise<string> {
  return JSON.stringify(change(JSON.parse(await readFile(join(SAMPLES, 'deliveries', file), 'utf8')) as Event));
}

async function post(url: string, body: string, headers: Readonly<Record<string, unknown>>): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers: headers as Record<string, string>, body });
  await response.body?.cancel();
  return response.status;
}

const CLOUD_EVENT = { 'content-type': 'application/cloudevents+json' };

/** The outcomes of an agent's events so far, by event id. */
function outcomes(dev: DevProcess): readonly string[] {
  // An hour may just be full: what a schedule does by itself is left out.
  const isOwn = (eventId: unknown) => !/^dev-[0-9a-f]{16}-\d/.test(String(eventId));
  return dev.lines().flatMap(({ outcome, eventId }) => (typeof outcome === 'string' && isOwn(eventId) ? [`${eventId} ${outcome}`] : []));
}

async function withStubAndSink(body: (stub: ClaudeStub, sink: HttpSink) => Promise<void>): Promise<void> {
  const stub = await startClaudeStub({ script: () => ({ text: 'Looks "fine".\nShip it.' }) });
  const sink = await startHttpSink();
  try {
    await body(stub, sink);
  } finally {
    await stub.close();
    await sink.close();
  }
}

suite('the samples', { concurrency: true }, () => {
  test('are valid, without a warning but that of the subfolders', async () => {
    const { code, stdout, stderr } = await runCli(['validate', SAMPLES]);
    const unseen = 'its subfolders deliveries, redrives, routes are not looked at: give those, too, that hold manifests';
    assert.deepEqual([code, stderr], [0, `warning: ${SAMPLES}: ${unseen}\n`]);
    const agents = ['alert-triage', 'briefing-writer', 'dead-letter-summariser', 'figures-checker', 'pr-reviewer', 'ticket-summariser'].map(
      (name) => `platform/${name}`,
    );
    const schedules = ['daily-briefing', 'dead-letter-review', 'figures-check'].map((name) => `AgentSchedule platform/${name}`);
    assert.equal(stdout, `valid: ${[...agents, ...schedules].join(', ')} (1 warning)\n`);
  });

  test('run together in one process, with nothing else on the machine', async () => {
    await using dev = await startDev([SAMPLES, '--offline', '--capture-outputs']);
    const ticket = await delivered('ticket.created.json');
    const alert = await delivered('alert.firing.json');
    const { headers, body } = githubDelivery('only-for-the-first-try', 'pull_request', await delivered('pull_request.opened.json'), 'pr-1');
    assert.equal(await post(`${dev.gatewayUrl}/ticket-summariser/tickets`, ticket, CLOUD_EVENT), 202);
    const token = { authorization: 'Bearer only-for-the-first-try' };
    assert.equal(await post(`${dev.gatewayUrl}/alert-triage/monitoring`, alert, { ...CLOUD_EVENT, ...token }), 202);
    assert.equal(await post(`${dev.gatewayUrl}/pr-reviewer/github`, String(body), headers ?? {}), 202);
    await dev.until('all three are done', () => outcomes(dev).length === 3);
    assert.deepEqual(new Set(outcomes(dev)), new Set(['notification-20260302-0001 done', 'pr-1 done', 'ticket-4711-created done']));
    const next = dev.lines().flatMap(({ msg, schedule, next }) => (msg === 'schedule' ? [`${schedule} ${String(next).slice(13)}`] : []));
    assert.deepEqual(next, ['daily-briefing :00:00.000Z', 'dead-letter-review :00:00.000Z', 'figures-check :00:00.000Z']);
    const urls = dev.lines().flatMap(({ msg, method, url }) => (msg === 'output captured' ? [`${method} ${url}`] : []));
    const expected = [
      'POST https://api.github.com/repos/Codertocat/Hello-World/issues/2/comments',
      'POST https://hooks.example.com/channels/on-call',
      'PUT https://hooks.example.com/tickets/4711/summary',
    ];
    assert.deepEqual(new Set(urls), new Set(expected));
    const said = dev.lines().find(({ exchange }) => exchange === 'support.events');
    assert.deepEqual(said?.publish, [`POST ${dev.gatewayUrl}/ticket-summariser/tickets`], 'how to publish to it is said at the start');
  });

  test('pr-reviewer posts a review of what was opened, and of nothing else', () =>
    withStubAndSink(async (stub, sink) => {
      const secrets = { github: { 'auth-header': 'Bearer github-token' } };
      await using sample = await sampleCopy('pr-reviewer.yaml', { claudeUrl: stub.url, sinkUrl: sink.url, secrets });
      await using dev = await startDev([sample.file]);
      const send = async (id: string, action: string) => {
        const payload = await delivered<{ pull_request: object }>('pull_request.opened.json', (event) => ({
          ...event,
          action,
          pull_request: { ...event.pull_request, comments_url: `${sink.url}/repos/Codertocat/Hello-World/issues/2/comments` },
        }));
        const { headers = {}, body } = githubDelivery('only-for-the-first-try', 'pull_request', payload, id);
        assert.equal(await post(`${dev.gatewayUrl}/pr-reviewer/github`, String(body), headers), 202);
      };
      await send('pr-1', 'opened');
      await send('pr-2', 'closed');
      await dev.until('both are settled', () => outcomes(dev).length === 2);
      assert.deepEqual(new Set(outcomes(dev)), new Set(['pr-1 done', 'pr-2 filtered']));
      const [request, ...others] = sink.requests();
      assert.equal(others.length, 0);
      assert.equal(`${request?.method} ${request?.path}`, 'POST /repos/Codertocat/Hello-World/issues/2/comments');
      assert.equal(request?.headers.authorization, 'Bearer github-token');
      assert.deepEqual(JSON.parse(request?.body ?? ''), { body: 'Looks "fine".\nShip it.' });
      assert.match(stub.received()[0]?.prompt ?? '', /^PR: Update the README with new information\.\nThis is a pretty simple change/);
    }));

  test('daily-briefing and figures-check write what their schedules ask for', () =>
    withStubAndSink(async (stub, sink) => {
      for (const [name, request, prompt, body] of [
        [
          'daily-briefing',
          'POST /channels/platform',
          /^Today is \w+day, \d+ \w+ \d{4}\. Write the briefing for the platform team, [\s\S]*\nCalendar:\nMon: planning at 10:00/,
          { text: 'Looks "fine".\nShip it.' },
        ],
        [
          'figures-check',
          /^PUT \/figures\/dev-[0-9a-f]{16}-manual-[0-9a-f-]{36}\/findings$/,
          /^Report: https:\/\/reports\.example\.com[\s\S]*"average_order":83\.73[\s\S]*"refund_rate":0\.05/,
          { findings: 'Looks "fine".\nShip it.', report: 'https://reports.example.com/sales/today' },
        ],
      ] as const) {
        await using sample = await sampleCopy(`${name}.yaml`, { claudeUrl: stub.url, sinkUrl: sink.url });
        await using dev = await startDev([sample.file, '--fire', name]);
        const end = () => dev.lines().find(({ msg, eventId }) => msg === 'scheduled run ended' && String(eventId).includes('-manual-'));
        await dev.until('its run has ended', () => end() !== undefined);
        assert.equal(end()?.outcome, 'done');
        const sent = sink.requests().at(-1);
        assert.match(`${sent?.method} ${sent?.path}`, typeof request === 'string' ? new RegExp(`^${request}$`) : request);
        assert.equal(sent?.headers.authorization, 'Bearer only-for-the-first-try');
        const { for: when, ...rest } = JSON.parse(sent?.body ?? '') as Readonly<Record<string, unknown>>;
        assert.deepEqual(rest, body);
        assert.equal(typeof when, name === 'daily-briefing' ? 'string' : 'undefined');
        assert.match(stub.received().at(-1)?.prompt ?? '', prompt);
      }
    }));

  test('alert-triage looks at what burns, once for each alert', () =>
    withStubAndSink(async (stub, sink) => {
      await using sample = await sampleCopy('alert-triage.yaml', { claudeUrl: stub.url, sinkUrl: sink.url });
      await using dev = await startDev([sample.file]);
      const send = async (id: string, data: Readonly<Record<string, unknown>>, token = 'only-for-the-first-try') => {
        const body = await delivered<{ data: object }>('alert.firing.json', (event) => ({
          ...event,
          id,
          data: { ...event.data, ...data },
        }));
        return await post(`${dev.gatewayUrl}/alert-triage/monitoring`, body, { ...CLOUD_EVENT, authorization: `Bearer ${token}` });
      };
      assert.equal(await send('stranger', {}, 'guessed'), 401);
      const alerts: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
        ['burns', {}, 'done'],
        ['said-again', {}, 'duplicate'],
        ['smoulders', { fingerprint: 'b', error_rate: 0.05 }, 'filtered'],
        ['just-above', { fingerprint: 'c', error_rate: 0.0501 }, 'done'],
        ['without-a-rate', { fingerprint: 'd', error_rate: undefined, recent_changes: undefined, log_excerpt: undefined }, 'done'],
      ];
      for (const [index, [id, data, outcome]] of alerts.entries()) {
        assert.equal(await send(id, data), 202);
        await dev.until(`${id} is settled`, () => outcomes(dev).length === index + 1);
        assert.equal(outcomes(dev).at(-1), `${id} ${outcome}`);
      }
      const posts = sink.requests().map(({ method, path, headers: { authorization }, body }) => ({
        request: `${method} ${path} ${authorization}`,
        alert: (JSON.parse(body) as { alert: string }).alert,
      }));
      const request = 'POST /channels/on-call Bearer only-for-the-first-try';
      assert.deepEqual(
        posts,
        ['9f2c1a77d0e4b8f1', 'c', 'd'].map((alert) => ({ request, alert })),
      );
      assert.match(stub.received()[0]?.prompt ?? '', /- checkout 2\.31\.0 deployed 09:24\n[\s\S]*TaxEngineTimeout/);
      assert.match(stub.received()[2]?.prompt ?? '', /error rate unknown:[\s\S]*none known\n[\s\S]*\(none\)/);
    }));

  test("ticket-summariser takes tickets from the helpdesk's own exchange on RabbitMQ", (t) =>
    withStubAndSink(async (stub, sink) => {
      const rabbit = await partOrSkip(t, () => sharedRabbitMq('4.3'));
      const redis = await partOrSkip(t, () => sharedRedis());
      if (rabbit === undefined || redis === undefined) return;
      await using vhost = await freshVhost(rabbit);
      await using database = await freshDatabase(redis);
      await using sample = await sampleCopy('ticket-summariser.yaml', { claudeUrl: stub.url, sinkUrl: sink.url });
      const args = [sample.file, '--rabbitmq', vhost.amqpUrl, '--rabbitmq-management', vhost.managementUrl, '--redis', database.url];

      const without = await runCli(['dev', ...args, '--port', '0', '--metrics-port', '0']);
      assert.equal(without.code, 1);
      assert.match(without.stderr, /exchange support\.events does not exist: a trigger binds to it.*Declare it/);
      assert.doesNotMatch(without.stdout, /ready/);

      await manage(rabbit, 'PUT', `/api/exchanges/${vhost.vhost}/support.events`, { type: 'topic', durable: true });
      await using dev = await startDev(args);
      const helpdesk = new Connection(vhost.amqpUrl);
      const publisher = helpdesk.createPublisher({ confirm: true });
      try {
        const publish = (routingKey: string, messageId: string, subject: string) => {
          const ticket = { id: 'A/1', subject, messages: [{ from: 'customer', text: 'Help!' }] };
          return publisher.send(
            { exchange: 'support.events', routingKey, messageId, durable: true, contentType: 'application/json' },
            { ticket },
          );
        };
        await publish('ticket.created', 't-1', 'The door is stuck');
        await publish('ticket.closed', 't-2', 'Not for us');
        await dev.until('the ticket is done', () => outcomes(dev).length >= 1);
        await publish('ticket.created', 't-1', 'The door is stuck');
        await dev.until('its copy is dropped', () => outcomes(dev).length >= 2);
      } finally {
        await publisher.close();
        await helpdesk.close();
      }
      assert.deepEqual(outcomes(dev), ['t-1 done', 't-1 duplicate']);
      const [request, ...others] = sink.requests();
      assert.equal(others.length, 0);
      assert.equal(`${request?.method} ${request?.path}`, 'PUT /tickets/A%2F1/summary');
      assert.equal(request?.headers.authorization, 'Bearer only-for-the-first-try');
      assert.deepEqual(JSON.parse(request?.body ?? ''), { summary: 'Looks "fine".\nShip it.', model: 'claude-haiku-4-5' });
      assert.match(stub.received()[0]?.prompt ?? '', /^Subject: The door is stuck\nLanguage: unknown\n[\s\S]*customer: Help!/);
      dev.signal('SIGTERM');
      assert.equal(await dev.exit, 0);
    }));
});
