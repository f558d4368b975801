import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Problem, plan } from './plan.ts';
import type { Binding, ObservedQueue, ObservedTopology, Queue, Step, Topology } from './topology.ts';

const quorum = { 'x-queue-type': 'quorum' };
const work: Queue = { name: 'ea.a', role: 'work', arguments: { ...quorum, 'x-dead-letter-exchange': 'ea.a' } };
const dead: Queue = { name: 'ea.a.dead', role: 'dead', arguments: { ...quorum, 'x-delivery-limit': 1_000_000 } };
const tier: Queue = { name: 'ea.a.retry.10', role: 'tier', arguments: { ...quorum, 'x-message-ttl': 10 } };
const own = (queue: Queue, routingKey: string): Binding => ({ source: 'ea.a', queue: queue.name, routingKey });
const desired: Topology = {
  exchanges: [{ name: 'ea.a', type: 'direct' }],
  queues: [work, tier, dead],
  bindings: [own(work, 'work'), own(tier, 'retry.10'), own(dead, 'dead'), { source: 'shop', queue: work.name, routingKey: 'order.*' }],
  foreignExchanges: ['shop'],
};
const shop = { name: 'shop', type: 'topic', durable: true };
const nothing: ObservedTopology = { exchanges: [shop], queues: [], bindings: [] };
const asObserved = (queue: Queue): ObservedQueue => ({
  name: queue.name,
  durable: true,
  type: 'quorum',
  arguments: queue.arguments,
  policy: undefined,
});
const complete: ObservedTopology = {
  exchanges: [shop, { name: 'ea.a', type: 'direct', durable: true }],
  queues: desired.queues.map(asObserved),
  bindings: desired.bindings,
};

function inShort(step: Step): string {
  if (step.do === 'declare-exchange') return `exchange ${step.exchange.name}`;
  if (step.do === 'declare-queue') return `queue ${step.queue.name}`;
  if (step.do === 'set-policy') return `policy ${step.policy.name} ${step.policy.consumerTimeoutMs}`;
  return `${step.do} ${step.binding.source} > ${step.binding.queue}`;
}

function withQueue(change: Partial<ObservedQueue> & { readonly name: string }): ObservedTopology {
  return { ...complete, queues: complete.queues.map((queue) => (queue.name === change.name ? { ...queue, ...change } : queue)) };
}

const policy = (definition: Readonly<Record<string, unknown>>): ObservedQueue['policy'] => ({ names: ['platform'], definition });

const cases: readonly {
  readonly name: string;
  readonly observed: ObservedTopology;
  readonly steps?: readonly string[];
  readonly intake?: readonly string[];
  readonly problems?: readonly Problem['kind'][];
  readonly message?: RegExp;
}[] = [
  {
    name: 'on an empty broker all is declared before it is bound, and intake opens last',
    observed: nothing,
    steps: ['exchange ea.a', 'queue ea.a.dead', 'queue ea.a.retry.10', 'queue ea.a', 'bind ea.a > ea.a.dead', 'bind ea.a > ea.a.retry.10'],
    intake: ['bind ea.a > ea.a', 'bind shop > ea.a'],
  },
  { name: 'where all is there nothing is done', observed: complete },
  {
    name: "the broker's own binding of every queue is not touched",
    observed: { ...complete, bindings: [...complete.bindings, { source: '', queue: work.name, routingKey: work.name }] },
  },
  {
    name: 'a route that is no longer wanted goes after the new one has come',
    observed: { ...complete, bindings: [...complete.bindings.slice(0, 3), { source: 'shop', queue: work.name, routingKey: 'old.*' }] },
    intake: ['bind shop > ea.a', 'unbind shop > ea.a'],
  },
  {
    name: 'a route that differs in its arguments alone is another route',
    observed: {
      ...complete,
      bindings: [...complete.bindings, { source: 'shop', queue: work.name, routingKey: 'order.*', arguments: { 'x-match': 'all' } }],
    },
    intake: ['unbind shop > ea.a'],
  },
  {
    name: "routes to somebody else's queues are left alone",
    observed: { ...complete, bindings: [...complete.bindings, { source: 'ea.a', queue: 'spy', routingKey: 'work' }] },
  },
  {
    name: 'a route that goes to another queue than before is none of the intake',
    observed: { ...complete, bindings: [...complete.bindings, own(tier, 'old')] },
    steps: ['unbind ea.a > ea.a.retry.10'],
  },
  {
    name: 'a queue with another argument is reported and not touched, nor are routes to it; no event is let in that could not be settled there',
    observed: { ...withQueue({ name: dead.name, arguments: { ...quorum, 'x-max-length': 5 } }), bindings: [own(dead, 'strange')] },
    steps: ['bind ea.a > ea.a.retry.10'],
    problems: ['QueueMismatch'],
    message: /queue ea\.a\.dead .*x-delivery-limit is not set instead of 1000000, x-max-length is 5 instead of not set.*delete it, then/,
  },
  {
    name: 'a tier in the way lets no event in, and takes no route away that lets them in',
    observed: {
      ...withQueue({ name: tier.name, durable: false }),
      bindings: [own(work, 'work'), { source: 'shop', queue: work.name, routingKey: 'old.*' }],
    },
    steps: ['bind ea.a > ea.a.dead'],
    problems: ['QueueMismatch'],
    message: /queue ea\.a\.retry\.10 /,
  },
  {
    name: 'a classic queue in the way is reported by its type',
    observed: withQueue({ name: work.name, type: 'classic', arguments: { 'x-dead-letter-exchange': 'ea.a' } }),
    problems: ['QueueMismatch'],
    message: /its type is classic instead of quorum\. /,
  },
  {
    name: 'a queue that does not outlive the broker is reported',
    observed: withQueue({ name: work.name, durable: false }),
    problems: ['QueueMismatch'],
    message: /it is not durable/,
  },
  {
    name: 'an exchange of another type is reported, nothing is bound to it, and no event is let in that would be settled through it',
    observed: { exchanges: [shop, { name: 'ea.a', type: 'fanout', durable: false }], queues: complete.queues, bindings: [] },
    problems: ['ExchangeMismatch'],
    message: /exchange ea\.a .*its type is fanout instead of direct, it is not durable/,
  },
  {
    name: "an exchange of the user's that is missing is reported, never declared, and nothing is bound to it",
    observed: { ...complete, exchanges: complete.exchanges.slice(1), bindings: complete.bindings.slice(0, 3) },
    problems: ['ForeignExchangeMissing'],
    message: /exchange shop does not exist.*Declare it/,
  },
  {
    name: 'a policy that lets dead letters expire is reported with its name',
    observed: withQueue({ name: dead.name, policy: policy({ 'message-ttl': 60_000, 'consumer-timeout': 1 }) }),
    problems: ['ForeignPolicy'],
    message: /queue ea\.a\.dead: policy platform sets message-ttl 60000, which/,
  },
  {
    name: 'a policy that only limits the length of work is right',
    observed: withQueue({ name: work.name, policy: policy({ 'max-length': 1000, 'delivery-limit': 5 }) }),
  },
  {
    name: 'a policy that deletes an idle work queue is reported',
    observed: withQueue({ name: work.name, policy: policy({ expires: 1000 }) }),
    problems: ['ForeignPolicy'],
    message: /expires 1000/,
  },
  {
    name: "a policy on somebody else's queue is none of our business",
    observed: { ...complete, queues: [...complete.queues, { ...asObserved(dead), name: 'theirs', policy: policy({ expires: 1 }) }] },
  },
];

for (const { name, observed, steps = [], intake = [], problems = [], message } of cases) {
  test(`plan: ${name}`, () => {
    const made = plan(desired, observed);
    assert.deepEqual([made.steps.map(inShort), made.intake.map(inShort)], [steps, intake]);
    assert.deepEqual(
      made.problems.map(({ kind }) => kind),
      problems,
    );
    if (message !== undefined) assert.match(made.problems[0]?.message ?? '', message);
  });
}

test("plan: what is in an agent's way holds up no other agent", () => {
  const other: Queue = { name: 'ea.b', role: 'work', arguments: { ...quorum, 'x-dead-letter-exchange': 'ea.b' } };
  const both: Topology = {
    ...desired,
    exchanges: [...desired.exchanges, { name: 'ea.b', type: 'direct' }],
    queues: [...desired.queues, other],
    bindings: [...desired.bindings, { source: 'shop', queue: other.name, routingKey: '#' }],
  };
  const made = plan(both, { ...withQueue({ name: dead.name, durable: false }), bindings: [] });
  assert.deepEqual(made.intake.map(inShort), ['bind shop > ea.b']);
});

for (const key of ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit']) {
  for (const queue of [dead, tier, { ...tier, name: 'ea.a.wait', role: 'wait' } as const]) {
    test(`plan: a policy with ${key} on a queue of role ${queue.role} is reported`, () => {
      const only: Topology = { exchanges: [], queues: [queue], bindings: [], foreignExchanges: [] };
      const { problems } = plan(only, { exchanges: [], bindings: [], queues: [{ ...asObserved(queue), policy: policy({ [key]: 1 }) }] });
      assert.deepEqual(
        problems.map(({ kind }) => kind),
        ['ForeignPolicy'],
      );
    });
  }
}
