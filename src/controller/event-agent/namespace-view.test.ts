import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentFixture } from '../../../test/support/agent.ts';
import { storedAgent } from '../../../test/support/stored-agent.ts';
import { compile, problemsOf } from '../../compile/compile.ts';
import { namespaceView, type Surroundings } from './namespace-view.ts';
import type { StoredEventAgent } from './resource.ts';

const around: Surroundings = {
  brokers: new Set(['default', 'other']),
  judged: (agent) => ({ compiled: compile(agent), problems: problemsOf(agent) }),
  lastGood: () => undefined,
};

const webhook = (path: string) => [{ name: 'hook', webhook: { path, verification: { scheme: 'None' } } }];
const agent = (name: string, age: number, fixture: AgentFixture = {}) => storedAgent({ name, ...fixture }, {}, age);
const view = (agents: readonly StoredEventAgent[], change: Partial<Surroundings> = {}) =>
  namespaceView('test', agents, { ...around, ...change });

test('a spec that makes sense is in force', () => {
  const standing = view([agent('a', 0, { triggers: webhook('/a') })]).standingOf('a');
  assert.equal(standing?.accepted.reason, 'Accepted');
  assert.equal(standing?.inForce?.compiled.routes[0]?.path, '/a');
});

test('what the API server cannot see is said with its field, and nothing comes of it', () => {
  const standing = view([agent('a', 0, { filter: 'event.type ==', prompt: '{{ event.' })]).standingOf('a');
  assert.deepEqual([standing?.accepted.status, standing?.accepted.reason, standing?.inForce], ['False', 'Invalid', undefined]);
  assert.match(standing?.accepted.message ?? '', /spec\.filter: .*; spec\.agent\.prompt: /);
});

test('the last good version stays in force while the spec is not accepted, and keeps its path', () => {
  const before = agent('a', 9, { triggers: webhook('/mine') });
  const good = { agent: before, compiled: compile(before) };
  const seen = view([agent('a', 9, { filter: 'event.' }), agent('b', 1, { triggers: webhook('/mine') })], {
    lastGood: ({ metadata }) => (metadata.name === 'a' ? good : undefined),
  });
  assert.equal(seen.standingOf('a')?.inForce, good);
  assert.equal(seen.standingOf('b')?.accepted.reason, 'PathTaken');
  assert.deepEqual(
    seen.gateway?.configuration.routes.map(({ agent: { name } }) => name),
    ['a'],
  );
});

test('a path belongs to the older agent, whatever the order of the list; of two of one second, to the first by name', () => {
  const [older, younger] = [agent('z', 60, { triggers: webhook('/p') }), agent('a', 0, { triggers: webhook('/p') })];
  for (const agents of [
    [older, younger],
    [younger, older],
  ]) {
    const seen = view(agents);
    assert.equal(seen.standingOf('z')?.accepted.reason, 'Accepted');
    const { reason, message } = seen.standingOf('a')?.accepted ?? {};
    assert.equal(reason, 'PathTaken');
    assert.match(message ?? '', /^spec\.triggers\[0\]\.webhook\.path: \/p belongs to trigger hook of test\.z, which is older/);
  }
  const twins = view([agent('b', 0, { triggers: webhook('/p') }), agent('a', 0, { triggers: webhook('/p') })]);
  assert.equal(twins.standingOf('a')?.accepted.reason, 'Accepted');
});

test('two triggers of one agent cannot have one path', () => {
  const triggers = [...webhook('/p'), { name: 'second', webhook: { path: '/p', verification: { scheme: 'None' } } }];
  assert.match(
    view([agent('a', 0, { triggers })]).standingOf('a')?.accepted.message ?? '',
    /^spec\.triggers\[1\]\.webhook\.path: \/p is the path of trigger hook already/,
  );
});

test('a broker that the operator does not have is named, with those that it has', () => {
  const { reason, message } = view([agent('a', 0, { brokerRef: 'nowhere' })]).standingOf('a')?.accepted ?? {};
  assert.equal(reason, 'BrokerUnknown');
  assert.match(message ?? '', /no broker nowhere \(it has: default, other\)/);
});

test('the webhooks of a namespace go to one broker by one Secret; agents without webhooks are free', () => {
  const seen = view([
    agent('a', 9, { triggers: webhook('/a') }),
    agent('b', 8, { triggers: webhook('/b'), brokerRef: 'other' }),
    agent('c', 7, { triggers: webhook('/c'), connectionSecrets: { broker: 'mine' } }),
    agent('d', 6, { brokerRef: 'other' }),
  ]);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => seen.standingOf(name)?.accepted.reason),
    ['Accepted', 'BrokerConflict', 'BrokerConflict', 'Accepted'],
  );
  assert.equal(seen.gateway?.brokerSecret, 'eventagent-broker');
});

test('an agent on its way out has no say, and its path is free', () => {
  const leaving = storedAgent({ name: 'a', triggers: webhook('/p') }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 60);
  const seen = view([leaving, agent('b', 0, { triggers: webhook('/p') })]);
  assert.equal(seen.standingOf('b')?.accepted.reason, 'Accepted');
  assert.deepEqual(
    seen.gateway?.configuration.routes.map(({ agent: { name } }) => name),
    ['b'],
  );
});

test('without webhooks there is no gateway', () => assert.equal(view([agent('a', 0)]).gateway, undefined));
