import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { eventAgent } from '../../../test/support/agent.ts';
import { compile } from '../../compile/compile.ts';
import { parseTopicPattern, topicMatches } from '../../gateway/topic.ts';
import { RefusedInput } from '../exit.ts';
import type { LoadedAgent } from '../load.ts';
import { doorsOf, keyFor, userExchangesOf } from './user-exchanges.ts';

function bound(name: string, exchange: object): LoadedAgent {
  const agent = eventAgent({ name, triggers: [{ name: 'orders', queue: { exchange } }] });
  return { agent, compiled: compile(agent), placeOf: () => `${name}.yaml:7` };
}

const byHeaders = { name: 'orders', headers: { match: 'All', values: { kind: 'order' } } };

describe('exchanges of the user on the embedded broker', () => {
  it('are declared once, of the type that their triggers need', () => {
    const agents = [
      bound('a', { name: 'orders' }),
      bound('b', { name: 'orders', routingKeys: ['order.*'] }),
      bound('c', { ...byHeaders, name: 'other' }),
    ];
    assert.deepEqual(userExchangesOf(agents), [
      { name: 'orders', type: 'topic' },
      { name: 'other', type: 'headers' },
    ]);
  });

  it('cannot be matched in two ways', () =>
    assert.throws(
      () => userExchangesOf([bound('a', { name: 'orders' }), bound('b', byHeaders)]),
      (error) =>
        error instanceof RefusedInput &&
        /^b\.yaml:7: spec\.triggers\[0\]\.queue\.exchange: exchange orders is matched by headers here, and otherwise by a/.test(
          error.message,
        ),
    ));

  it('have a door for each trigger that binds by routing keys', () => {
    const doors = doorsOf([bound('a', { name: 'orders', routingKeys: ['order.*.created'] }), bound('b', byHeaders)], new Set());
    assert.deepEqual(
      doors.map(({ exchange, route: { path, verification, target } }) => ({ exchange, path, verification, target })),
      [
        {
          exchange: 'orders',
          path: '/a/orders',
          verification: { scheme: 'None' },
          target: { exchange: 'orders', routingKey: 'order.any.created' },
        },
      ],
    );
  });

  it('have no door where a webhook is', () => assert.deepEqual(doorsOf([bound('a', { name: 'orders' })], new Set(['/a/orders'])), []));

  it('are published to by a key that the pattern matches, whatever the pattern', () => {
    const word = fc.constantFrom('*', '#', 'order', 'created');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        const pattern = words.join('.');
        // RabbitMQ takes the empty key for no words; a type pattern never meets one.
        if (words.every((part) => part === '#')) assert.equal(keyFor(pattern), '');
        else assert.ok(topicMatches(parseTopicPattern(pattern), keyFor(pattern)), `${pattern} does not match ${keyFor(pattern)}`);
      }),
    );
  });
});
