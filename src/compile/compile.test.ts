import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../test/support/agent.ts';
import { compile, gatewayConfigurationFor, problemsOf } from './compile.ts';
import { mergedTopology } from './topology.ts';

const github = { name: 'github', webhook: { verification: { scheme: 'GitHub', secretKeyRefs: [{ name: 's', key: 'k' }] } } };

test('the queues of an agent, each argument of which keeps a message from being lost', () => {
  const { topology } = compile(eventAgent({ delivery: { retryDelaysSeconds: [10, 60, 10] } }));
  const guarded = {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': 'ea.test.agent',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
  assert.deepEqual(Object.fromEntries(topology.queues.map(({ name, arguments: args }) => [name, args])), {
    'ea.test.agent': { ...guarded, 'x-delivery-limit': 100, 'x-dead-letter-routing-key': 'dead' },
    'ea.test.agent.wait': { ...guarded, 'x-message-ttl': 15_000, 'x-dead-letter-routing-key': 'work' },
    'ea.test.agent.retry.10000': { ...guarded, 'x-message-ttl': 10_000, 'x-dead-letter-routing-key': 'work' },
    'ea.test.agent.retry.60000': { ...guarded, 'x-message-ttl': 60_000, 'x-dead-letter-routing-key': 'work' },
    'ea.test.agent.dead': { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 },
  });
  assert.deepEqual(topology.exchanges, [
    { name: 'ea.test._events', type: 'topic' },
    { name: 'ea.test.agent', type: 'direct' },
  ]);
});

test('queue triggers are bindings: of event types, of routing keys, of headers, or of everything', () => {
  const agent = eventAgent({
    triggers: [
      { name: 'types', queue: { eventTypes: ['github.*', 'ticket.#'] } },
      { name: 'keys', queue: { exchange: { name: 'support', routingKeys: ['a', 'b'] } } },
      { name: 'headers', queue: { exchange: { name: 'crm', headers: { match: 'Any', values: { kind: 'vip' } } } } },
      { name: 'all', queue: { exchange: { name: 'feed' } } },
    ],
  });
  const { topology, typePatterns } = compile(agent);
  const queue = 'ea.test.agent';
  assert.deepEqual(
    topology.bindings.filter(({ source }) => source !== 'ea.test.agent'),
    [
      { source: 'ea.test._events', queue, routingKey: 'github.*' },
      { source: 'ea.test._events', queue, routingKey: 'ticket.#' },
      { source: 'support', queue, routingKey: 'a' },
      { source: 'support', queue, routingKey: 'b' },
      { source: 'crm', queue, routingKey: '', arguments: { 'x-match': 'any', kind: 'vip' } },
      { source: 'feed', queue, routingKey: '#' },
    ],
  );
  assert.deepEqual(topology.foreignExchanges, ['support', 'crm', 'feed']);
  assert.deepEqual(typePatterns, ['github.*', 'ticket.#']);
});

test('a webhook leads to its own agent, or with fanOut to whoever wants its type', () => {
  const agent = eventAgent({
    triggers: [github, { ...github, name: 'all', webhook: { ...github.webhook, path: '/in', fanOut: true, maxBodyBytes: 10 } }],
  });
  const [own, all] = compile(agent).routes;
  assert.deepEqual(
    [own?.path, own?.target, own?.maxBodyBytes],
    ['/agent/github', { exchange: 'ea.test.agent', routingKey: 'work' }, 1_048_576],
  );
  assert.deepEqual([all?.path, all?.target, all?.maxBodyBytes], ['/in', { exchange: 'ea.test._events', byType: true }, 10]);
});

test('what agents share is there once in the topology of them all', () => {
  const topology = mergedTopology([compile(eventAgent({ name: 'a' })).topology, compile(eventAgent({ name: 'b' })).topology]);
  assert.deepEqual(
    topology.exchanges.map(({ name }) => name),
    ['ea.test._events', 'ea.test.a', 'ea.test.b'],
  );
});

test('a path belongs to the first agent that names it', () => {
  const at = (name: string) => compile(eventAgent({ name, triggers: [{ ...github, webhook: { ...github.webhook, path: '/same' } }] }));
  const { configuration, taken } = gatewayConfigurationFor('test', [at('older'), at('younger')]);
  assert.deepEqual(
    configuration.routes.map(({ agent }) => agent.name),
    ['older'],
  );
  assert.deepEqual(
    taken.map(({ route, by }) => [route.agent.name, by.agent.name]),
    [['younger', 'older']],
  );
});

test('every expression and template that does not parse is found, with its field', () => {
  const agent = eventAgent({
    filter: 'event.type ==',
    prompt: '{{ event.data.title',
    idempotency: { key: '1 +' },
    outputs: [
      {
        name: 'a',
        http: { url: 'https://x.example/{{ bad | nofilter }}', bodyTemplate: '{% if %}', headers: [{ name: 'X-A', value: '{{' }] },
      },
    ],
  });
  assert.deepEqual(
    problemsOf(agent).map(({ path }) => path),
    [
      'spec.filter',
      'spec.idempotency.key',
      'spec.agent.prompt',
      'spec.outputs[0].http.url',
      'spec.outputs[0].http.headers[0].value',
      'spec.outputs[0].http.bodyTemplate',
    ],
  );
  assert.deepEqual(problemsOf(eventAgent()), []);
});

const hooks = 'https://hooks.example.com/a';
const neverWorks: readonly (readonly [name: string, http: object, path: string, says: RegExp])[] = [
  [
    'a field that output does not have',
    { url: hooks, bodyTemplate: '{{ output.foo | json }}' },
    'bodyTemplate',
    /output has no field foo; it has text, model/,
  ],
  ['a field that agent does not have', { url: `${hooks}/{{ agent.id }}` }, 'url', /agent has no field id; it has namespace, name/],
  ['a URL that is none', { url: 'https://exa mple/', allowedHosts: ['example'] }, 'url', /^not a URL: write it as https:/],
  [
    'a host that is written out and not allowed',
    { url: hooks, allowedHosts: ['a.example', 'example.com'] },
    'allowedHosts',
    /^the url leads to hooks\.example\.com, which is not among them: add it/,
  ],
  [
    'a port that is not allowed',
    { url: 'https://a.example:8443/{{ event.id }}', allowedHosts: ['a.example'] },
    'allowedHosts',
    /^the url leads to a\.example:8443, which is not among them/,
  ],
  [
    "another scheme's own port",
    { url: 'https://a.example/', allowedHosts: ['a.example:80'] },
    'allowedHosts',
    /^the url leads to a\.example, which is not among them/,
  ],
  [
    'a line break in a written header',
    { url: hooks, headers: [{ name: 'X-A', value: 'a\nb' }] },
    'headers[0].value',
    /^holds a line break or a character that a header cannot carry/,
  ],
  [
    'a letter that no header carries',
    {
      url: hooks,
      headers: [
        { name: 'X-A', value: 'ok' },
        { name: 'X-B', value: 'Łódź' },
      ],
    },
    'headers[1].value',
    /^holds a line break or a character/,
  ],
];
for (const [name, http, path, says] of neverWorks)
  test(`what can never work is refused: ${name}`, () => {
    const problems = problemsOf(eventAgent({ outputs: [{ name: 'a', http }] }));
    assert.deepEqual(
      problems.map((problem) => problem.path),
      [`spec.outputs[0].http.${path}`],
    );
    assert.match(problems[0]?.message ?? '', says);
  });

const mayWork: readonly (readonly [name: string, http: object])[] = [
  ['a host in capitals', { url: 'https://Hooks.Example.com/a', allowedHosts: ['hooks.example.com'] }],
  ["the scheme's own port", { url: 'https://a.example:443/', allowedHosts: ['a.example'] }],
  ["the scheme's own port where it is allowed", { url: 'https://a.example/', allowedHosts: ['a.example:443'] }],
  ['a header with a line break at its end', { url: hooks, headers: [{ name: 'X-A', value: 'a\n' }] }],
  ['a header that the event fills', { url: hooks, headers: [{ name: 'X-A', value: '{{ event.data.a }}' }] }],
  ['Latin letters', { url: hooks, headers: [{ name: 'X-A', value: 'Zürich' }] }],
];
for (const [name, http] of mayWork)
  test(`what may work is left alone: ${name}`, () => assert.deepEqual(problemsOf(eventAgent({ outputs: [{ name: 'a', http }] })), []));

test('an agent that does not fit into its configuration is refused', () => {
  const bodyTemplate = 'x'.repeat(60_000);
  const outputs = Array.from({ length: 8 }, (_, index) => ({ name: `o${index}`, http: { url: 'https://example.com/', bodyTemplate } }));
  assert.deepEqual(
    problemsOf(eventAgent({ outputs })).map(({ path }) => path),
    ['spec'],
  );
  assert.deepEqual(problemsOf(eventAgent({ outputs: outputs.slice(0, 7) })), []);
});
