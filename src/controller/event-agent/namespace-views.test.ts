import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedAgent } from '../../../test/support/stored-agent.ts';
import type { Cache } from '../operator.ts';
import { NamespaceViews } from './namespace-views.ts';
import type { StoredEventAgent } from './resource.ts';

/** An agent that takes events of these types; `generation` counts its changes. */
function typed(name: string, eventTypes: readonly string[], generation = 1): StoredEventAgent {
  const agent = storedAgent({ name, triggers: [{ name: 'events', queue: { eventTypes } }] }, {}, 0);
  return { ...agent, metadata: { ...agent.metadata, uid: name, generation } };
}

function viewsOf(agents: Map<string, StoredEventAgent>): NamespaceViews {
  const none: Cache<never> = { get: () => undefined, list: () => [] };
  const eventAgents: Cache<StoredEventAgent> = { get: (_, name) => agents.get(name), list: () => [...agents.values()] };
  const caches = { eventAgents, deployments: none, configMaps: none };
  return new NamespaceViews({ caches, prefix: 'ea', brokers: new Set(['default']), fanOutAbove: 2 });
}

test('an agent too many wakes those whose condition turns; one more wakes nobody else, and neither does a look between', () => {
  const agents = new Map(['a', 'b', 'other'].map((name) => [name, typed(name, [name === 'other' ? 'y' : 'x'])]));
  const views = viewsOf(agents);
  const changed = (change: () => void, look = false) => {
    change();
    views.outdate('test');
    if (look) views.fanOutIn('test');
    return views.changedIn('test');
  };
  assert.deepEqual(
    changed(() => {}),
    ['a', 'b', 'other'],
  );
  assert.deepEqual(
    changed(() => void agents.set('c', typed('c', ['x'])), true),
    ['a', 'b', 'c'],
  );
  assert.equal(views.fanOutIn('test').widest, 3);
  assert.deepEqual(
    changed(() => void agents.set('d', typed('d', ['x']))),
    ['d'],
  );
  assert.deepEqual(
    changed(() => {
      agents.delete('c');
      agents.delete('d');
    }),
    ['a', 'b'],
  );
  assert.equal(views.fanOutIn('test').widest, 2);
  changed(() => agents.clear());
  assert.equal(views.fanOutIn('test').widest, 0);
});

test('how far events spread is not computed again where no pattern has changed', () => {
  const agents = new Map(['a', 'b'].map((name) => [name, typed(name, ['x'])]));
  const views = viewsOf(agents);
  const before = views.fanOutIn('test');
  agents.set('a', typed('a', ['x'], 2));
  views.outdate('test');
  assert.equal(views.fanOutIn('test'), before);
  agents.set('a', typed('a', ['x', 'y'], 3));
  views.outdate('test');
  assert.notEqual(views.fanOutIn('test'), before);
});
