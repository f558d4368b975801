import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import type { DeadLetterReason } from '../../src/api/reasons.ts';
import type { Behaviour } from '../support/claude-behaviour.ts';
import { STUB_KEY } from '../support/claude-stub.ts';
import { manifestFolder, startDev } from '../support/dev-process.ts';
import { endsOf, settled } from '../support/dev-stage.ts';
import { deliver } from '../support/github-sender.ts';
import { type SinkAnswer, startHttpSink } from '../support/http-sink.ts';
import { onRealStage } from '../support/real-stage.ts';
import { reviewAgent, WEBHOOK_SECRET } from '../support/review-agent.ts';

/** One event that becomes a dead letter, and what is said of it. */
interface Case {
  readonly model?: Behaviour;
  readonly sink?: SinkAnswer;
  readonly data?: object;
  readonly agent?: 'reviewer' | 'careful';
  readonly reason: DeadLetterReason;
  readonly error: RegExp;
  readonly attempts?: number;
}

const title = 'a private title';

/** A provider that says everything back that it was told. */
const echo = `the request of key ${STUB_KEY} was: [[event:model-400]] Review: ${title}`;

function cases(elsewhere: string): Readonly<Record<string, Case>> {
  return {
    truncated: { model: { stopReason: 'max_tokens', text: 'too lo' }, reason: 'AnswerTruncated', error: /maxTokens \(\d+ tokens\): raise/ },
    refused: { model: { stopReason: 'refusal' }, reason: 'Refused', error: /refused to answer/ },
    'context-full': { model: { stopReason: 'model_context_window_exceeded' }, reason: 'ContextTooLong', error: /shorten the prompt/ },
    'tool-use': { model: { stopReason: 'tool_use' }, reason: 'ToolUse', error: /asked for a tool/ },
    paused: { model: { stopReason: 'pause_turn' }, reason: 'TurnPaused', error: /paused its turn/ },
    novel: { model: { stopReason: 'a_new_reason' }, reason: 'UnknownStop', error: /stopped with a_new_reason/ },
    'model-400': { model: { status: 400, message: echo }, reason: 'ModelBadRequest', error: /answered 400/ },
    'model-413': { model: { status: 413 }, reason: 'ContextTooLong', error: /answered 413/ },
    'model-500': { model: { status: 500 }, reason: 'AttemptsExhausted', error: /^ModelServerError: .*answered 500/, attempts: 2 },
    'no-title': { data: {}, reason: 'TemplateError', error: /undefined variable event\.data\.title/ },
    rejected: {
      sink: { status: 422, body: `no: Bearer sink-token ${title}` },
      reason: 'OutputRejected',
      error: /^output sink answered 422$/,
    },
    'led-away': {
      sink: { status: 307, headers: { location: `${elsewhere}/trap` } },
      reason: 'OutputForbidden',
      error: new RegExp(`a redirect was not followed: host ${new URL(elsewhere).host} is not among allowedHosts`),
    },
    'no-answer-twice': {
      sink: { ending: 'reset', effect: false },
      reason: 'AttemptsExhausted',
      error: /^OutputUnknown: .*may have arrived/,
      attempts: 2,
    },
    'no-answer': { agent: 'careful', sink: { ending: 'reset' }, reason: 'OutputUnknown', error: /the request may have arrived/ },
    'gateway-timeout': { agent: 'careful', sink: { status: 504 }, reason: 'OutputUnknown', error: /^output sink answered 504$/ },
  };
}

suite('dead letters', () => {
  test('carry their reason, error, fingerprint, attempts and times, and no secret and nothing of the event is said anywhere else', (t) =>
    onRealStage(t, '4.0', async ({ stub, sink, parts, look, database }) => {
      const elsewhere = await startHttpSink();
      try {
        const table = cases(elsewhere.url);
        stub.script(({ marker = '' }) => table[marker]?.model);
        sink.script(({ body }) => table[(JSON.parse(body) as { event: string }).event]?.sink);
        const options = { claudeUrl: stub.url, sinkUrl: sink.url, delivery: { maxAttempts: 2, retryDelaysSeconds: [1], concurrency: 4 } };
        const [careful = {}] = reviewAgent({ ...options, name: 'careful', onUnknownResult: 'DeadLetter' });
        await using manifest = await manifestFolder([...reviewAgent(options), careful]);
        await using dev = await startDev([manifest.file, ...parts]);
        for (const [id, { agent = 'reviewer', data = { title } }] of Object.entries(table))
          assert.equal(await deliver(dev.gatewayUrl, id, data, `/${agent}/github`), 202);
        for (const id of Object.keys(table)) await settled(dev, id);

        const letters = [...(await look('ea.test.reviewer.dead')), ...(await look('ea.test.careful.dead'))];
        assert.equal(letters.length, Object.keys(table).length, 'each event is a dead letter once');
        for (const [id, { reason, error, attempts = 1, data = { title } }] of Object.entries(table)) {
          const end = endsOf(dev, id).at(-1);
          const letter = letters.find(({ properties }) => properties.message_id === id);
          const { headers = {}, timestamp } = letter?.properties ?? {};
          assert.equal(headers['ea-reason'], reason, id);
          assert.match(String(headers['ea-error']), error, id);
          assert.match(String(headers['ea-fingerprint']), /^[0-9a-f]{12}$/, id);
          assert.equal(headers['ea-attempts'], attempts, id);
          assert.equal(headers['ea-first-at'], new Date(Number(timestamp) * 1000).toISOString(), id);
          assert.ok(Date.parse(String(headers['ea-dead-at'])) >= Number(timestamp) * 1000, id);
          assert.deepEqual(
            [end?.reason, end?.error, end?.fingerprint, end?.attempt],
            [reason, headers['ea-error'], headers['ea-fingerprint'], attempts],
            `${id}: the log says what the dead letter says`,
          );
          assert.deepEqual(JSON.parse(letter?.payload ?? ''), data, `${id}: its body is the event's, untouched`);
          assert.equal(headers['ce-type'], 'github.pull_request');
        }
        const fingerprint = (id: string) => endsOf(dev, id).at(-1)?.fingerprint;
        assert.equal(fingerprint('tool-use') === fingerprint('refused'), false, 'other causes have other fingerprints');
        assert.deepEqual(elsewhere.requests(), [], 'nothing went where it may not go');
        const held = sink.requests().filter(({ body }) => /"no-answer"/.test(body));
        assert.equal(held.length, 1, 'what must not be sent twice was sent once');

        dev.signal('SIGTERM');
        assert.equal(await dev.exit, 0);
        const places = {
          log: JSON.stringify(dev.lines()),
          'standard error': dev.stderr(),
          'dead letters': JSON.stringify(letters),
          store: await contentOf(database.url),
        };
        for (const [place, content] of Object.entries(places)) {
          for (const secret of [STUB_KEY, WEBHOOK_SECRET, 'sink-token'])
            assert.ok(!content.includes(secret), `${secret} is in the ${place}`);
        }
        for (const place of ['log', 'standard error'] as const)
          assert.ok(!places[place].includes(title), `the event's data is in the ${place}`);
        assert.equal(places.store.split('"phase":"dead"').length - 1, letters.length, 'the records of all of them were looked into');
      } finally {
        await elsewhere.close();
      }
    }));
});

/** Everything in a database, as text. */
async function contentOf(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys('*');
    const values = await Promise.all(
      keys.map(async (key) => ((await redis.type(key)) === 'hash' ? redis.hgetall(key) : redis.zrange(key, '0', '-1'))),
    );
    return JSON.stringify([keys, values]).replaceAll('\\"', '"');
  } finally {
    redis.disconnect();
  }
}
