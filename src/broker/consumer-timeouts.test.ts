import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerTimeouts, grantsTimes } from './consumer-timeouts.ts';
import type { ObservedQueue, Queue, Topology } from './topology.ts';

const work: Queue = { name: 'ea.ns.a', role: 'work', arguments: { 'x-queue-type': 'quorum' }, consumerTimeoutMs: 3_900_000 };
const dead: Queue = { name: 'ea.ns.a.dead', role: 'dead', arguments: { 'x-queue-type': 'quorum' } };
const topologyOf = (...queues: readonly Queue[]): Topology => ({ exchanges: [], queues, bindings: [], foreignExchanges: [] });
const set = ['set-policy ea.ns.a.consumer-timeout for ea.ns.a: 3900000'];
const OURS = 'ea.ns.a.consumer-timeout';

const cases: readonly {
  readonly name: string;
  /** `null`: there is no such queue. */
  readonly policy: ObservedQueue['policy'] | null;
  readonly steps?: readonly string[];
  readonly problem?: RegExp;
  readonly pending?: RegExp;
  readonly grants?: boolean;
}[] = [
  { name: 'no queue yet', policy: null, pending: /does not say which policies reach it/ },
  { name: 'policies not known yet', policy: undefined, pending: /does not say which policies reach it/ },
  {
    name: 'no policy',
    policy: { names: [], definition: {} },
    steps: set,
    pending: /policy ea\.ns\.a\.consumer-timeout has not taken effect$/,
  },
  { name: 'ours, in effect', policy: { names: [OURS], user: OURS, definition: { 'consumer-timeout': 3_900_000 } }, grants: true },
  {
    name: 'ours, of a shorter run',
    policy: { names: [OURS], user: OURS, definition: { 'consumer-timeout': 2_000_000 } },
    steps: set,
    pending: /has not taken effect$/,
  },
  { name: 'ours, of a longer run', policy: { names: [OURS], user: OURS, definition: { 'consumer-timeout': 9_900_000 } }, grants: true },
  {
    name: 'an operator policy alone',
    policy: { names: ['platform'], definition: { 'max-length': 5 } },
    steps: set,
    pending: /has not taken effect$/,
  },
  { name: "the platform's, with time", policy: { names: ['p'], user: 'p', definition: { 'consumer-timeout': 7_200_000 } }, grants: true },
  {
    name: "the platform's, without",
    policy: { names: ['p'], user: 'p', definition: { 'max-length': 5 } },
    problem: /policy p applies to the queue and sets no consumer-timeout, .* Set consumer-timeout to at least 3900000 in it/,
  },
  {
    name: "the platform's, with too little",
    policy: { names: ['p'], user: 'p', definition: { 'consumer-timeout': 3_899_999 } },
    problem: /sets consumer-timeout 3899999,/,
  },
];

for (const { name, policy, steps = [], problem, pending, grants = false } of cases)
  test(`time to hold deliveries: ${name}`, () => {
    const seen: readonly ObservedQueue[] = [work, dead].flatMap((queue) =>
      policy === null
        ? []
        : [{ name: queue.name, durable: true, type: 'quorum', arguments: queue.arguments, policy: queue === work ? policy : undefined }],
    );
    const desired = topologyOf(work, dead);
    const made = consumerTimeouts(desired, { exchanges: [], queues: seen, bindings: [] });
    assert.deepEqual(
      made.steps.map((step) =>
        step.do === 'set-policy' ? `set-policy ${step.policy.name} for ${step.policy.queue}: ${step.policy.consumerTimeoutMs}` : step.do,
      ),
      steps,
    );
    for (const [found, expected] of [
      [made.problems, problem],
      [made.pending, pending],
    ] as const) {
      assert.equal(found.length, expected === undefined ? 0 : 1);
      if (expected !== undefined) assert.match(found[0]?.message ?? '', expected);
      for (const { kind } of found) assert.equal(kind, 'RunTimeoutTooLong');
    }
    assert.equal(
      grantsTimes(desired, (queue) => seen.find((one) => one.name === queue)),
      grants,
    );
  });

test('where no queue needs more time than usual, nothing is asked for', () => {
  const { consumerTimeoutMs: _, ...usual } = work;
  const desired = topologyOf(usual, dead);
  assert.deepEqual(consumerTimeouts(desired, { exchanges: [], queues: [], bindings: [] }), { steps: [], problems: [], pending: [] });
  assert.equal(
    grantsTimes(desired, () => undefined),
    true,
  );
});
