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
