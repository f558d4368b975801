import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plan } from './plan.ts';
import type { Binding, ObservedTopology, Queue, Step, Topology } from './topology.ts';

// A small world, so that names meet.
const exchangeName = fc.constantFrom('x', 'y', 'theirs');
const queueName = fc.constantFrom('q', 'r', 's', 't');
const binding: fc.Arbitrary<Binding> = fc.record(
  {
    source: exchangeName,
    queue: queueName,
    routingKey: fc.constantFrom('', 'k', 'l'),
    arguments: fc.constantFrom({ 'x-match': 'all' }, { 'x-match': 'any', a: 1 }),
  },
  { requiredKeys: ['source', 'queue', 'routingKey'], noNullPrototype: true },
);
const quorum = { 'x-queue-type': 'quorum' };
const args = fc.constantFrom<Queue['arguments'][]>(quorum, { ...quorum, 'x-message-ttl': 5 }, { ...quorum, 'x-dead-letter-exchange': 'x' });
const type = fc.constantFrom('direct', 'topic');
const byName = { selector: ({ name }: { readonly name: string }) => name };
const anyDesired: fc.Arbitrary<Topology> = fc
  .record({
    exchanges: fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y'), type }), byName),
    queues: fc.uniqueArray(fc.record({ name: queueName, role: fc.constantFrom('work', 'wait', 'tier', 'dead'), arguments: args }), byName),
    bindings: fc.uniqueArray(binding, { selector: (one) => JSON.stringify(one) }),
    foreignExchanges: fc.constantFrom(['theirs'], []),
  })
  .map((topology) => ({
    ...topology,
    // A topology binds only what it names.
    bindings: topology.bindings.filter(
      ({ source, queue }) =>
        topology.queues.some(({ name }) => name === queue) &&
        [...topology.exchanges.map(({ name }): string => name), ...topology.foreignExchanges].includes(source),
    ),
  }));
const anyObserved: fc.Arbitrary<ObservedTopology> = fc
  .record({
    exchanges: fc.uniqueArray(
      fc.record({ name: exchangeName, type: fc.oneof(type, fc.constant('fanout')), durable: fc.boolean() }),
      byName,
    ),
    queues: fc.uniqueArray(
      fc.record({
        name: queueName,
        durable: fc.boolean(),
        type: fc.constantFrom('quorum', 'classic'),
        arguments: args,
        policy: fc.constantFrom(undefined, { names: [], definition: {} }, { names: ['platform'], definition: { expires: 1 } }),
      }),
      byName,
    ),
    bindings: fc.uniqueArray(binding, { selector: (one) => JSON.stringify(one) }),
  })
  .map((observed) => ({
    ...observed,
    bindings: [
      // The broker holds no binding of what is not there.
      ...observed.bindings.filter(
        ({ source, queue }) => observed.queues.some(({ name }) => name === queue) && observed.exchanges.some(({ name }) => name === source),
      ),
      ...observed.queues.map(({ name }) => ({ source: '', queue: name, routingKey: name })),
    ],
  }));

/** Does what the broker would do, and refuses what the broker would refuse. */
function applied(step: Step, held: ObservedTopology): ObservedTopology {
  switch (step.do) {
    case 'declare-exchange':
      assert.ok(!held.exchanges.some(({ name }) => name === step.exchange.name), 'declared although it is there');
      return { ...held, exchanges: [...held.exchanges, { ...step.exchange, durable: true }] };
    case 'declare-queue': {
      assert.ok(!held.queues.some(({ name }) => name === step.queue.name), 'declared although it is there');
      const route = { source: '', queue: step.queue.name, routingKey: step.queue.name };
      const { name, arguments: given } = step.queue;
      const queue = { name, durable: true, type: 'quorum', arguments: given, policy: undefined };
      return { ...held, queues: [...held.queues, queue], bindings: [...held.bindings, route] };
    }
    case 'bind':
      assert.ok(
        held.exchanges.some(({ name }) => name === step.binding.source),
        'bound to an exchange that is missing',
      );
      assert.ok(
        held.queues.some(({ name }) => name === step.binding.queue),
        'bound to a queue that is missing',
      );
      return { ...held, bindings: [...held.bindings, step.binding] };
    case 'unbind': {
      const rest = held.bindings.filter((one) => JSON.stringify(one) !== JSON.stringify(step.binding));
      assert.equal(rest.length, held.bindings.length - 1, 'unbound what is not bound');
      return { ...held, bindings: rest };
    }
    case 'set-policy': {
      const { name, queue, consumerTimeoutMs } = step.policy;
      const policy = { names: [name], user: name, definition: { 'consumer-timeout': consumerTimeoutMs } };
      return { ...held, queues: held.queues.map((one) => (one.name === queue ? { ...one, policy } : one)) };
    }
  }
}

/** What the broker holds after a plan. */
function carriedOut(wanted: Topology, before: ObservedTopology): ObservedTopology {
  const { steps, intake } = plan(wanted, before);
  return [...steps, ...intake].reduce((held, step) => applied(step, held), before);
}

test('plan: whatever is wanted and whatever is there, the steps can be done in their order, and then nothing is left to do', () => {
  fc.assert(
    fc.property(anyDesired, anyObserved, (wanted, before) => {
      const second = plan(wanted, carriedOut(wanted, before));
      assert.deepEqual([second.steps, second.intake], [[], []]);
      assert.deepEqual(second.problems, plan(wanted, before).problems);
    }),
  );
});

test('plan: nothing that was there is changed or removed but unwanted routes into our queues', () => {
  fc.assert(
    fc.property(anyDesired, anyObserved, (wanted, before) => {
      const ours = new Set(wanted.queues.map(({ name }) => name));
      const after = carriedOut(wanted, before);
      for (const exchange of before.exchanges) assert.ok(after.exchanges.includes(exchange));
      for (const queue of before.queues) assert.ok(after.queues.includes(queue));
      for (const route of before.bindings) {
        const keeps =
          route.source === '' || !ours.has(route.queue) || wanted.bindings.some((one) => JSON.stringify(one) === JSON.stringify(route));
        if (keeps) assert.ok(after.bindings.includes(route), JSON.stringify(route));
      }
    }),
  );
});

test('plan: without problems the broker then holds all that is wanted, and every route into our queues is wanted', () => {
  fc.assert(
    fc.property(anyDesired, anyObserved, (wanted, before) => {
      fc.pre(plan(wanted, before).problems.length === 0);
      const after = carriedOut(wanted, before);
      const has = (routes: readonly Binding[], one: Binding) => routes.some((route) => JSON.stringify(route) === JSON.stringify(one));
      for (const { name, type: wantedType } of wanted.exchanges) {
        const exchange = after.exchanges.find((one) => one.name === name);
        assert.deepEqual({ ...exchange }, { name, type: wantedType, durable: true });
      }
      for (const queue of wanted.queues) assert.deepEqual(after.queues.find(({ name }) => name === queue.name)?.arguments, queue.arguments);
      for (const route of wanted.bindings) assert.ok(has(after.bindings, route));
      for (const route of after.bindings) {
        const intoOurs = route.source !== '' && wanted.queues.some(({ name }) => name === route.queue);
        if (intoOurs) assert.ok(has(wanted.bindings, route));
      }
    }),
  );
});

test('plan: events are let into a queue only where each queue that they are settled to is the wanted one', () => {
  fc.assert(
    fc.property(anyDesired, anyObserved, (wanted, before) => {
      const { steps, intake } = plan(wanted, before);
      const after = steps.reduce((held, step) => applied(step, held), before);
      const intoWork = (step: Step) =>
        (step.do === 'bind' || step.do === 'unbind') &&
        wanted.queues.some(({ name, role }) => name === step.binding.queue && role === 'work');
      assert.ok(!steps.some(intoWork) && intake.every(intoWork));
      for (const step of intake) {
        assert.ok(step.do === 'bind' || step.do === 'unbind');
        const work = wanted.queues.find(({ name }) => name === step.binding.queue);
        const exchange = work?.arguments['x-dead-letter-exchange'];
        for (const behind of wanted.bindings.filter(({ source }) => source === exchange)) {
          const queue = after.queues.find(({ name }) => name === behind.queue);
          assert.deepEqual(queue?.arguments, wanted.queues.find(({ name }) => name === behind.queue)?.arguments);
          assert.ok(queue?.durable && queue.type === 'quorum');
        }
      }
    }),
  );
});
