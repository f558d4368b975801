import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { costNanoUsd } from '../../src/api/prices.ts';
import type { Behaviour } from '../support/claude-behaviour.ts';
import { billedInAll, STUB_KEY, startClaudeStub } from '../support/claude-stub.ts';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { endsOf, onStage, settled } from '../support/dev-stage.ts';
import { createGate } from '../support/gate.ts';
import { deliver } from '../support/github-sender.ts';
import { startHttpSink } from '../support/http-sink.ts';
import { reviewAgent, WEBHOOK_SECRET } from '../support/review-agent.ts';
import { scrape, sumOf } from '../support/scrape.ts';

const MODEL = 'claude-sonnet-5-5';

/** What the provider does with an event's calls, one after the other, and how the event ends. */
interface Case {
  readonly calls: readonly Behaviour[];
  readonly ends: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  plain: { calls: [{}], ends: ['done'] },
  cached: { calls: [{ usage: { input: 12, cacheRead: 2000, cacheWrite5m: 300, cacheWrite1h: 70, output: 55 } }], ends: ['done'] },
  'server error, then an answer': { calls: [{ status: 500 }, {}], ends: ['retried', 'done'] },
  'broken off, then an answer': {
    calls: [{ text: 'half of an answer that breaks', fault: { kind: 'error', at: 'stream', type: 'api_error' } }, {}],
    ends: ['retried', 'done'],
  },
  'cut, then an answer': {
    calls: [{ text: 'half of an answer that is cut', fault: { kind: 'cut', at: 'stream' } }, {}],
    ends: ['retried', 'done'],
  },
  refused: { calls: [{ text: 'No.', stopReason: 'refusal' }], ends: ['dead'] },
  truncated: { calls: [{ text: 'so long', stopReason: 'max_tokens' }], ends: ['dead'] },
};

// All at once: most of the time passes in pauses and waits.
suite('dev, on embedded parts', { concurrency: true }, () => {
  test('one event goes all the way, and its figures are exact', () =>
    onStage(
      (urls) => reviewAgent(urls),
      async ({ stub, sink, dev }) => {
        assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
        const end = await settled(dev, 'event-1');
        const [request, ...others] = sink.requests();
        assert.equal(others.length, 0);
        assert.equal(`${request?.method} ${request?.path}`, 'POST /sink');
        assert.equal(request?.headers.authorization, 'Bearer sink-token');
        assert.equal(request?.headers['content-type'], 'application/json');
        assert.match(request?.key ?? '', /^[0-9a-f]{64}$/);
        assert.deepEqual(JSON.parse(request?.body ?? ''), { event: 'event-1', text: 'Stub answer 1 for event-1.' });
        assert.equal(stub.received()[0]?.prompt, '[[event:event-1]] Review: change event-1');

        const [call] = stub.ledger();
        assert.ok(call !== undefined);
        const { durationMs, time, ...said } = end;
        assert.ok(Number(durationMs) >= 0 && !Number.isNaN(Date.parse(String(time))));
        assert.deepEqual(said, {
          level: 'info',
          msg: 'run finished',
          agent: 'test.reviewer',
          eventId: 'event-1',
          outcome: 'done',
          reason: '',
          attempt: 1,
          turns: 1,
          inputTokens: call.billed.input,
          outputTokens: call.billed.output,
          costNanoUsd: costNanoUsd(MODEL, call.billed),
          estimated: false,
        });
        const started = dev.lines().filter(({ msg }) => msg === 'run started');
        assert.deepEqual(
          started.map(({ agent, eventId, eventType, attempt }) => ({ agent, eventId, eventType, attempt })),
          [{ agent: 'test.reviewer', eventId: 'event-1', eventType: 'github.pull_request', attempt: 1 }],
        );
        const whole = JSON.stringify(dev.lines()) + dev.stderr();
        for (const secret of [STUB_KEY, WEBHOOK_SECRET, 'sink-token', 'change event-1', 'Stub answer'])
          assert.ok(!whole.includes(secret), `${secret} is in the log`);
        dev.signal('SIGTERM');
        assert.equal(await dev.exit, 0);
      },
    ));

  test('the books over 30 events of all kinds: exact for calls that were completed, never less in all', () =>
    onStage(
      (urls) => reviewAgent({ ...urls, delivery: { retryDelaysSeconds: [1], concurrency: 4 } }),
      async ({ stub, sink, dev }) => {
        const calls = new Map<string, number>();
        const names = Object.keys(cases);
        const events = new Map(Array.from({ length: 29 }, (_, index) => [`event-${index}`, names[index % names.length] ?? '']));
        stub.script(({ marker = '' }) => {
          const call = calls.get(marker) ?? 0;
          calls.set(marker, call + 1);
          return marker === 'overloaded' ? (call === 0 ? { status: 529 } : {}) : cases[events.get(marker) ?? '']?.calls[call];
        });
        for (const id of events.keys()) assert.equal(await deliver(dev.gatewayUrl, id), 202);
        for (const id of events.keys()) await settled(dev, id, 60_000);
        // Last: it stops the others for a while.
        assert.equal(await deliver(dev.gatewayUrl, 'overloaded'), 202);
        await settled(dev, 'overloaded', 60_000);

        const outcomesOf = (id: string) => endsOf(dev, id).map(({ outcome }) => outcome);
        for (const [id, name] of events) assert.deepEqual(outcomesOf(id), cases[name]?.ends, `${id}: ${name}`);
        assert.deepEqual(outcomesOf('overloaded'), ['handed_back', 'done']);
        const done = [...events.values()].filter((name) => cases[name]?.ends.at(-1) === 'done').length + 1;
        assert.equal(sink.effects().length, done);

        const ledger = stub.ledger();
        const completed = billedInAll(ledger.filter(({ outcome }) => outcome === 'completed'));
        const all = billedInAll(ledger);
        assert.ok(all.output > completed.output, 'some calls were billed and not completed');
        const samples = await scrape(dev.metricsUrl);
        const tokens = (kind: string, labels = {}) => sumOf(samples, 'eventagent_tokens_total', { model: MODEL, kind, ...labels });
        const cost = (labels = {}) => sumOf(samples, 'eventagent_cost_usd_total', { model: MODEL, ...labels });
        const exact = { estimated: 'false' };
        assert.deepEqual(
          {
            input: tokens('input', exact),
            output: tokens('output', exact),
            read: tokens('cache_read', exact),
            write: tokens('cache_write', exact),
          },
          {
            input: completed.input,
            output: completed.output,
            read: completed.cacheRead,
            write: completed.cacheWrite5m + completed.cacheWrite1h,
          },
        );
        const nanoUsd = (usd: number) => Math.round(usd * 1e9);
        assert.equal(nanoUsd(cost(exact)), costNanoUsd(MODEL, completed));
        for (const [kind, billed] of [
          ['input', all.input],
          ['output', all.output],
        ] as const)
          assert.ok(tokens(kind) >= billed, `${kind}: ${tokens(kind)} counted, ${billed} billed`);
        assert.ok(nanoUsd(cost()) >= (costNanoUsd(MODEL, all) ?? Number.NaN));
        const runs = dev.lines().filter(({ msg }) => msg === 'run finished');
        const logged = runs.reduce((sum, { costNanoUsd: spent }) => sum + Number(spent), 0);
        assert.equal(logged, nanoUsd(cost()), 'the log lines add up to the metric');
        const outcomes = (outcome: string) => sumOf(samples, 'eventagent_events_total', { agent: 'reviewer', outcome });
        assert.equal(outcomes('done'), done);
        assert.equal(outcomes('dead'), endsOf(dev).filter(({ outcome }) => outcome === 'dead').length);
        assert.equal(sumOf(samples, 'eventagent_gateway_requests_total', { code: '202', reason: 'accepted' }), 30);
      },
    ));

  test("an output's Retry-After is kept to, however short the tiers are", () =>
    onStage(
      (urls) => reviewAgent({ ...urls, delivery: { retryDelaysSeconds: [1] } }),
      async ({ stub, sink, dev }) => {
        sink.script(({ ordinal }) => (ordinal === 1 ? { status: 429, headers: { 'retry-after': '2' } } : {}));
        assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
        // A tier, and what is left of the two seconds in the queue for waits: 15 s.
        await settled(dev, 'event-1', 40_000);
        const [first, second] = sink.requests();
        assert.ok(first !== undefined && second !== undefined);
        assert.ok(second.at - first.at >= 2000, `${second.at - first.at} ms between the requests`);
        assert.equal(first.key, second.key);
        assert.equal(stub.ledger().length, 1, 'the answer was kept, not bought again');
        const ends = endsOf(dev, 'event-1').filter(({ outcome }) => outcome !== 'waiting');
        assert.deepEqual(
          ends.map(({ outcome, reason, attempt }) => [outcome, reason, attempt]),
          [
            ['retried', 'OutputBusy', 1],
            ['done', '', 2],
          ],
        );
      },
    ));

  test('two agents share the events of their namespace: one delivery runs both', () =>
    onStage(
      (urls) => {
        const [hook, ...secrets] = reviewAgent({ ...urls, name: 'hook', outputs: ['hook'] }) as [
          { spec: { triggers: [{ webhook: object }] } },
          ...object[],
        ];
        const [reader] = reviewAgent({ ...urls, name: 'reader', outputs: ['reader'] }) as [{ spec: { triggers: unknown } }];
        Object.assign(hook.spec.triggers[0].webhook, { fanOut: true });
        hook.spec.triggers.push({ name: 'issues', queue: { eventTypes: ['github.issues'] } } as never);
        reader.spec.triggers = [{ name: 'all', queue: { eventTypes: ['github.*'] } }];
        const watcher = structuredClone(reader) as typeof reader & { metadata: { name: string } };
        watcher.metadata.name = 'watcher';
        watcher.spec.triggers = [{ name: 'pulls', queue: { eventTypes: ['github.pull_request', 'github.push'] } }];
        return [hook, reader, watcher, ...secrets];
      },
      async ({ sink, dev }) => {
        assert.equal(await deliver(dev.gatewayUrl, 'event-1', undefined, '/hook/github'), 202);
        await dev.until('both have run', () => endsOf(dev).length === 2);
        assert.deepEqual(
          new Set(endsOf(dev).map(({ agent, eventId, outcome }) => `${agent} ${eventId} ${outcome}`)),
          new Set(['test.reader event-1 done', 'test.watcher event-1 done']),
        );
        assert.equal(new Set(sink.requests().map(({ key }) => key)).size, 2, 'each agent has keys of its own');
        const said = dev.lines().find(({ msg }) => String(msg).startsWith('queue triggers by event types'));
        assert.deepEqual(said?.publish, [`POST ${dev.gatewayUrl}/hook/github`]);
      },
    ));

  test('an agent that takes events by their type, which nothing brings here: how they would come is said', () =>
    onStage(
      (urls) => {
        const [agent, ...secrets] = reviewAgent(urls) as [{ spec: { triggers: unknown } }, ...object[]];
        agent.spec.triggers = [{ name: 'all', queue: { eventTypes: ['github.*'] } }];
        return [agent, ...secrets];
      },
      async ({ dev }) => {
        const said = dev.lines().find(({ triggers }) => triggers !== undefined);
        assert.deepEqual([said?.level, said?.triggers], ['warn', ['reviewer/all']]);
        assert.match(String(said?.msg), /^nothing reaches .*: give a webhook trigger fanOut: true and send them there, or use --rabbitmq$/);
        const answer = await fetch(`${dev.gatewayUrl}/reviewer/all`, { method: 'POST', body: '{}' });
        assert.equal(answer.status, 404);
        assert.match(await answer.text(), /by their type: give a webhook trigger fanOut: true/);
      },
    ));

  test('SIGTERM in the middle of an answer: the turn is finished, the event handed back, and nothing is sent', () =>
    onStage(
      (urls) => reviewAgent(urls),
      async ({ stub, sink, dev }) => {
        const gate = createGate();
        stub.next({ hold: { at: 'stream', until: gate.opened } });
        assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
        await stub.until('the answer is under way', () => stub.underWay(1) === 'stream');
        dev.signal('SIGTERM');
        await isClosing(dev.gatewayUrl);
        gate.open();
        assert.equal(await dev.exit, 0);
        assert.equal(stub.ledger()[0]?.outcome, 'completed', 'the call was not cut');
        const ends = endsOf(dev, 'event-1').map(({ outcome, reason, outputTokens }) => ({ outcome, reason, outputTokens }));
        assert.deepEqual(ends, [{ outcome: 'handed_back', reason: 'Shutdown', outputTokens: stub.ledger()[0]?.billed.output }]);
        assert.equal(sink.requests().length, 0);
      },
    ));

  for (const [end, behaviour, code] of [
    ['done', {}, 0],
    ['a dead letter', { stopReason: 'refusal' }, 1],
  ] as const)
    test(`--once ends with exit code ${code} when the first run is ${end}`, async () => {
      const stub = await startClaudeStub({ script: () => behaviour });
      const sink = await startHttpSink();
      try {
        await using manifest = await manifestFolder(reviewAgent({ claudeUrl: stub.url, sinkUrl: sink.url }));
        await using dev = await startDev([manifest.file, '--once']);
        assert.equal(await deliver(dev.gatewayUrl, 'event-1'), 202);
        assert.equal(await dev.exit, code);
        assert.equal(endsOf(dev, 'event-1').length, 1);
      } finally {
        await stub.close();
        await sink.close();
      }
    });

  test('--once ends with exit code 1 when the filter does not want the first event, and when a signal comes before any', async () => {
    const [agent, ...secrets] = reviewAgent({ claudeUrl: 'http://127.0.0.1:1', sinkUrl: 'http://127.0.0.1:1' }) as [
      { spec: object },
      ...object[],
    ];
    await using manifest = await manifestFolder([{ ...agent, spec: { ...agent.spec, filter: 'event.type == "never"' } }, ...secrets]);
    await using filtering = await startDev([manifest.file, '--once']);
    assert.equal(await deliver(filtering.gatewayUrl, 'event-1'), 202);
    assert.equal(await filtering.exit, 1);
    assert.ok(filtering.lines().some(({ msg, outcome }) => msg === 'event settled without a run' && outcome === 'filtered'));
    await using waiting = await startDev([manifest.file, '--once']);
    waiting.signal('SIGTERM');
    assert.equal(await waiting.exit, 1);
    assert.ok(waiting.lines().some(({ msg, underWay }) => msg === 'stopping' && underWay === 0));
  });
});

/** Waits until a gateway is closing: it says so, or nobody answers. A stranger is refused before, with 401. */
async function isClosing(gatewayUrl: string): Promise<void> {
  const knock = () =>
    fetch(`${gatewayUrl}/reviewer/github`, { method: 'POST' }).then(
      ({ status }) => status,
      () => 0,
    );
  while ((await knock()) === 401);
}
