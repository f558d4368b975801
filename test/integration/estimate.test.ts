import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { type ClaudeStub, STUB_KEY, startClaudeStub } from '../support/claude-stub.ts';
import { cloudEvent } from '../support/cloud-event.ts';
import { runCli } from '../support/dev-process.ts';
import { reviewAgent } from '../support/review-agent.ts';

/** What the stub counts: four bytes a token, of the request that is counted. */
const countOf = (request: object) => Math.ceil(Buffer.byteLength(JSON.stringify(request)) / 4);

const requestOf = (prompt: string, model = 'claude-sonnet-5-5') => ({ model, messages: [{ role: 'user', content: prompt }] });

interface Told {
  readonly agents: readonly {
    readonly agent: string;
    readonly receipts?: unknown;
    readonly streams: readonly {
      readonly from: string;
      readonly runsPerYear?: number;
      readonly events: readonly Readonly<Record<string, unknown>>[];
      readonly period?: unknown;
    }[];
    readonly total?: unknown;
    readonly overBudget?: readonly {
      readonly limit: string;
      readonly unit: string;
      readonly budget: number;
      readonly isCertain: boolean;
    }[];
  }[];
  readonly total?: unknown;
}

let stub: ClaudeStub;
const folder = mkdtempSync(join(tmpdir(), 'eventagent-estimate-'));

before(async () => {
  stub = await startClaudeStub();
});

after(async () => {
  rmSync(folder, { recursive: true });
  await stub.close();
});

const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** The reviewing agent with a filter, without its own key unless `secrets`. */
function agentFile(
  name: string,
  { filter, model, budget, secrets = false }: { filter?: string; model?: string; budget?: object; secrets?: boolean } = {},
): string {
  const [agent, ...rest] = structuredClone(reviewAgent({ claudeUrl: stub.url, sinkUrl: 'http://127.0.0.1:1' })) as [
    { spec: { agent: Record<string, unknown> } },
    ...object[],
  ];
  if (filter !== undefined) Object.assign(agent.spec, { filter });
  if (budget !== undefined) Object.assign(agent.spec, { budget });
  if (model !== undefined) agent.spec.agent.model = model;
  return file(name, [agent, ...(secrets ? rest : [])].map((document) => `---\n${stringify(document)}`).join(''));
}

const schedule = (spec: object) =>
  `---\n${stringify({
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'AgentSchedule',
    metadata: { name: 'briefing', namespace: 'test' },
    spec: { agentRef: { name: 'reviewer' }, input: { title: 'News' }, ...spec },
  })}`;

async function told(...args: readonly string[]): Promise<Told> {
  const { code, stdout, stderr } = await runCli(['estimate', ...args, '--json'], { ANTHROPIC_API_KEY: '' });
  assert.deepEqual([code, stderr], [0, '']);
  return JSON.parse(stdout) as Told;
}

describe('eventagent estimate', () => {
  test('has the provider count what would be asked of it, and nothing else', async () => {
    const agents = agentFile('counted.yaml', { filter: 'event.type == "ticket"', secrets: true });
    const wanted = file('wanted.json', cloudEvent({ id: 'e-1', type: 'ticket', data: { title: 'It is broken: äöü' } }));
    const other = file('other.json', cloudEvent({ id: 'e-2', type: 'alert', data: {} }));
    const before = stub.counted().length;
    const estimate = await told(agents, '--events', wanted, other, '--per-month', '1000');

    const prompt = '[[event:e-1]] Review: It is broken: äöü';
    assert.deepEqual(
      stub
        .counted()
        .slice(before)
        .map(({ prompt, model, headers }) => [prompt, model, headers.authorization]),
      [[prompt, 'claude-sonnet-5-5', `Bearer ${STUB_KEY}`]],
    );
    assert.deepEqual(stub.received(), []);
    const tokens = countOf(requestOf(prompt));
    const [from, to] = [tokens * 2_000, tokens * 2_000 + 256 * 10_000];
    assert.deepEqual(estimate.agents[0]?.streams, [
      {
        from: 'events',
        events: [
          {
            event: wanted,
            outcome: 'run',
            inputTokens: tokens,
            input: 'counted',
            outputTokens: { from: 0, to: 256 },
            ratesNanoUsd: { input: 2_000, output: 10_000 },
            costNanoUsd: { from, to },
          },
          { event: other, outcome: 'filtered' },
        ],
        runsPerYear: 12_000,
        period: {
          runsPerYear: 12_000,
          input: 'counted',
          monthNanoUsd: { from: from * 1_000, to: to * 1_000 },
          dayNanoUsd: { from: Math.floor((from * 12_000) / 365), to: Math.ceil((to * 12_000) / 365) },
        },
      },
    ]);
  });

  test('takes the key of the environment where no file has one, and without any gives an upper bound', async () => {
    const agents = agentFile('no-key.yaml');
    const event = file('event.json', '{"title": "x"}');
    const { code, stdout } = await runCli(['estimate', agents, '--events', event, '--json'], { ANTHROPIC_API_KEY: STUB_KEY });
    const [counted] = (JSON.parse(stdout) as Told).agents[0]?.streams[0]?.events ?? [];
    assert.deepEqual([code, counted?.input, counted?.inputTokens], [0, 'counted', countOf(requestOf('[[event:sample]] Review: x'))]);

    const before = stub.counted().length;
    const [bound] = (await told(agents, '--events', event)).agents[0]?.streams[0]?.events ?? [];
    assert.equal(bound?.input, 'at-most');
    assert.equal(
      bound?.inputTokens,
      Buffer.byteLength(JSON.stringify({ ...requestOf('[[event:sample]] Review: x'), max_tokens: 256, stream: true })),
    );
    const [offline] =
      (await told(agentFile('key.yaml', { secrets: true }), '--events', event, '--offline')).agents[0]?.streams[0]?.events ?? [];
    assert.deepEqual(offline, bound);
    assert.equal(stub.counted().length, before);
  });

  test('counts the runs of a schedule, and adds an agent up', async () => {
    const text = agentFile('scheduled.yaml');
    const times = file('times.yaml', schedule({ schedule: '0 7 * * *', timeZone: 'Europe/Berlin' }));
    const event = file('one.json', '{"title": "x"}');
    const estimate = await told(text, times, '--events', event, '--per-month', '10');
    const [events, scheduled] = estimate.agents[0]?.streams ?? [];
    assert.equal(scheduled?.runsPerYear, 365);
    // The tick's own event: its id is the slot's.
    assert.equal(scheduled?.events[0]?.outcome, 'run');
    assert.ok(Number(scheduled?.events[0]?.inputTokens) > Number(events?.events[0]?.inputTokens));
    assert.equal((estimate.agents[0]?.total as { runsPerYear: number } | undefined)?.runsPerYear, 365 + 120);
    assert.equal(estimate.total, undefined);
  });

  test('begins the output at the mean of the receipts of the agent, below maxTokens', async () => {
    const agents = agentFile('receipts.yaml');
    const event = file('for-receipts.json', '{"title": "x"}');
    const receipts = file(
      'receipts.json',
      '{"agent":"test.reviewer","outputTokens":100}\n{"agent":"test.reviewer","outputTokens":201}\n{"agent":"test.other","outputTokens":9}\n',
    );
    const estimate = await told(agents, '--events', event, '--receipts', receipts);
    assert.deepEqual(estimate.agents[0]?.receipts, { count: 2, tokens: 151 });
    assert.deepEqual(estimate.agents[0]?.streams[0]?.events[0]?.outputTokens, { from: 151, to: 256 });
    const long = file('long.json', '[{"outputTokens": 9000}]');
    assert.deepEqual((await told(agents, '--events', event, '--receipts', long)).agents[0]?.streams[0]?.events[0]?.outputTokens, {
      from: 256,
      to: 256,
    });
  });

  test('says to people how it comes to its figures', async () => {
    const agents = agentFile('people.yaml', { secrets: true });
    const event = file('people.json', '{"title": "x"}');
    const { code, stdout } = await runCli(['estimate', agents, '--events', event, '--per-month', '1000']);
    const tokens = countOf(requestOf('[[event:sample]] Review: x'));
    const usd = (micro: number) => `$${Math.floor(micro / 1e6)}.${String(micro % 1e6).padStart(6, '0')}`;
    const [from, to] = [tokens * 2, tokens * 2 + 2_560];
    const day = (micro: number, round: (value: number) => number) => usd(Math.round(round((micro * 1e3 * 12_000) / 365) / 1e3));
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        `EventAgent test/reviewer (${agents}:5): claude-sonnet-5-5, maxTokens 256`,
        `    ${event}: ${tokens} in (counted by the provider), 0 to 256 out`,
        `      ${tokens} × $2/million + 0 × $10/million = ${usd(from)}`,
        `      ${tokens} × $2/million + 256 × $10/million = ${usd(to)}`,
        `    1000 runs a month (12000 a year): ${usd(from * 1_000)} to ${usd(to * 1_000)} a month, ${day(from, Math.floor)} to ${day(to, Math.ceil)} a day`,
        '',
        'One model call a run, at list prices: what is bought again after a failed call comes on top.',
        '',
      ].join('\n'),
    );
  });

  test('says what the budget has no room for, and that events wait where a day or month is above it', async () => {
    const event = file('budget.json', '{"title": "x"}');
    const say = async (name: string, budget: object, ...args: readonly string[]) => {
      const agents = agentFile(name, { budget, secrets: true });
      return (await runCli(['estimate', agents, '--events', event, '--per-month', '1000', ...args])).stdout;
    };
    const none = { perEvent: { tokens: 370 } };
    const error =
      'the call can cost up to \\$0\\.\\d+ \\(\\d+ tokens\\)( by the bytes of its request)?, more than spec\\.budget\\.perEvent: ';
    assert.match(
      await say('none.yaml', none),
      new RegExp(`budget\\.json: becomes a dead letter, costs nothing: EventBudgetSpent: ${error}.*\\n    no run, no cost\\n`),
    );
    assert.match(await say('some.yaml', none, '--offline'), new RegExp(`\\n      may become a dead letter: EventBudgetSpent: ${error}`));
    const little = { perDay: { usd: '0.01' }, perMonth: { usd: '5', tokens: 1000 } };
    const text = await say('little.yaml', little);
    assert.match(
      text,
      /\n {2}spec\.budget\.perDay: \$0\.\d+ to \$0\.\d+ a day can be above its \$0\.010000: events then wait for the next day\n/,
    );
    assert.match(
      text,
      /\n {2}spec\.budget\.perMonth: \d+ to \d+ tokens a month is above its 1000 tokens: events then wait for the next month\n/,
    );
    assert.doesNotMatch(text, /dead letter/);
    const [agent] = (await told(agentFile('json.yaml', { budget: little, secrets: true }), '--events', event, '--per-month', '1000'))
      .agents;
    assert.deepEqual(
      agent?.overBudget?.map(({ limit, unit, budget, isCertain }) => [limit, unit, budget, isCertain]),
      [
        ['perDay', 'nanoUsd', 10_000_000, false],
        ['perMonth', 'tokens', 1_000, true],
      ],
    );
  });

  test('says that an upper bound is one, that a price is unknown, and what becomes a dead letter', async () => {
    const agents = agentFile('unpriced.yaml', { model: 'claude-next-1' });
    const event = file('good.json', '{"title": "x"}');
    const bad = file('bad-data.json', '{"hunter2": 1}');
    const { code, stdout } = await runCli(['estimate', agents, '--events', event, bad, '--per-month', '5']);
    assert.equal(code, 0);
    assert.match(stdout, /good\.json: at most \d+ in, 0 to 256 out\n/);
    assert.match(stdout, /"at most" takes each byte of a request as a token/);
    assert.match(stdout, /There is no known price of claude-next-1: its cost is unknown, not zero\./);
    assert.match(
      stdout,
      /bad-data\.json: becomes a dead letter, costs nothing: TemplateError: prompt: line 1, column \d+: undefined variable event\.data\.title/,
    );
    assert.doesNotMatch(stdout, /\$|hunter2/);
  });
});

describe('eventagent estimate refuses', () => {
  const cases: readonly (readonly [name: string, args: () => readonly string[], code: number, says: RegExp])[] = [
    ['to estimate with nothing', () => [agentFile('nothing.yaml')], 2, /^eventagent: there is no event to estimate with: give files/],
    ['flags for events that there are not', () => [agentFile('flags.yaml'), '--per-month', '5'], 2, /--per-month says something of/],
    [
      'half a run',
      () => [agentFile('half.yaml'), '--events', file('h.json', '{}'), '--per-month', '0.5'],
      2,
      /It must be a whole number from 1/,
    ],
    [
      'events that are none, each with its file, quoting nothing',
      () => [agentFile('none.yaml'), '--events', file('n1.json', '{"a":\nhunter2'), file('n2.json', cloudEvent({ id: '' }))],
      2,
      /^\S*n1\.json:2: this is not JSON: [^\n]*\n\S*n2\.json: the CloudEvents attribute id: must be [^\n]*\n$/,
    ],
    [
      'an agent that is not valid, as validate does',
      () => [agentFile('invalid.yaml', { filter: 'event.typ == "x"' }), '--events', file('i.json', '{}')],
      2,
      /^\S*invalid\.yaml:\d+: spec\.filter: line 1, column 7: /,
    ],
    ['a schedule without its agent', () => [file('alone.yaml', schedule({ every: '1h' }))], 2, /alone\.yaml:\d+: spec\.agentRef\.name: /],
  ];
  for (const [name, args, code, says] of cases)
    test(name, async () => {
      const ended = await runCli(['estimate', ...args()]);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, says);
      assert.doesNotMatch(ended.stderr, /hunter2/);
      assert.equal(ended.stdout, '');
    });

  test('a key that the provider refuses: exit 1, and what to do', async () => {
    const agents = agentFile('refused.yaml');
    const event = file('r.json', '{"title": "salary"}');
    const { code, stderr, stdout } = await runCli(['estimate', agents, '--events', event], { ANTHROPIC_API_KEY: 'hunter2' });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^eventagent: the tokens of test\/reviewer were not counted: The model provider answered 401 .* Or use --offline, which asks nobody/,
    );
    assert.doesNotMatch(stderr, /hunter2|salary/);
  });
});
