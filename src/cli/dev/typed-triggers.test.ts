import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventAgent } from '../../../test/support/agent.ts';
import { compile } from '../../compile/compile.ts';
import type { LoadedAgent } from '../load.ts';
import { typedTriggersOf } from './typed-triggers.ts';

function loaded(name: string, ...triggers: readonly object[]): LoadedAgent {
  const agent = eventAgent({ name, triggers });
  return { agent, compiled: compile(agent), placeOf: () => `${name}.yaml:7` };
}

const told = (...agents: readonly LoadedAgent[]) =>
  typedTriggersOf(
    agents,
    agents.flatMap(({ compiled }) => compiled.routes),
  );
const typed = { name: 'all', queue: { eventTypes: ['order.*'] } };
const webhook = (fanOut: boolean) => ({ name: 'in', webhook: { fanOut, verification: { scheme: 'None' } } });

test('triggers by event types: none, nothing to say', () => assert.equal(told(loaded('a', webhook(true))), undefined));

test('triggers by event types: without a webhook with fanOut nothing reaches them', () => {
  const found = told(loaded('a', typed, webhook(false)));
  assert.deepEqual(
    [found?.names, found?.webhooks, [...(found?.answers ?? [])]],
    [
      ['a/all'],
      [],
      [
        [
          '/a/all',
          'this trigger takes events of the broker by their type: give a webhook trigger fanOut: true and send them there, or use --rabbitmq',
        ],
      ],
    ],
  );
});

test('triggers by event types: a webhook with fanOut, of whichever agent, is named', () => {
  const found = told(loaded('a', typed), loaded('b', webhook(true)));
  assert.deepEqual(found?.webhooks, ['/b/in']);
  assert.match(found?.answers.get('/a/all') ?? '', /: send them to a webhook with fanOut: true \(\/b\/in\), or use --rabbitmq$/);
});
