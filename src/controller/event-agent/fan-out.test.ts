import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { routedQueues } from '../../broker/embedded-routing.ts';
import { fanOutOf, type Subscriber } from './fan-out.ts';

/** `name: pattern pattern`, on the broker `default`. */
const subscriber = (text: string): Subscriber => {
  const [name = '', patterns = ''] = text.split(': ');
  return { name, broker: 'default', patterns: patterns.split(' ') };
};

/** What each agent on its own says: `name: type count`. */
const told = (subscribers: readonly Subscriber[], above: number) => {
  const { wide } = fanOutOf(subscribers, above);
  return new Set([...wide].map(([name, { type, count }]) => `${name}: ${type} ${count}`));
};

const cases: readonly [what: string, subscribers: readonly string[], widest: number, wide: readonly string[]][] = [
  ['nobody', [], 0, []],
  ['one agent', ['a: x'], 1, []],
  ['agents with a type each', ['a: x', 'b: y', 'c: z.z'], 1, []],
  ['as many agents as are allowed', ['a: x', 'b: x'], 2, []],
  ['one more', ['a: x', 'b: x', 'c: x'], 3, ['a: x 3', 'b: x 3', 'c: x 3']],
  ['one that takes all beside agents with a type each', ['all: #', 'a: x', 'b: y', 'c: z'], 2, []],
  ['a pattern of one word', ['a: x.*', 'b: x.y', 'c: x.#', 'd: x.y.z'], 3, ['a: x.y 3', 'b: x.y 3', 'c: x.y 3']],
  ['patterns that meet in a type which none of them names', ['a: x.*', 'b: *.y', 'c: #.y'], 3, ['a: x.y 3', 'b: x.y 3', 'c: x.y 3']],
  ['patterns for any type', ['a: *', 'b: *', 'c: #'], 3, ['a: * 3', 'b: * 3', 'c: * 3']],
  ['patterns for all types', ['a: #', 'b: #', 'c: #.#'], 3, ['a: * 3', 'b: * 3', 'c: * 3']],
  ['# in several places', ['a: x.#', 'b: #.y.#', 'c: #.z'], 3, ['a: x.y.z 3', 'b: x.y.z 3', 'c: x.y.z 3']],
  ['an agent that is reached by several patterns counts once', ['a: x # x.# *', 'b: x'], 2, []],
  [
    'each agent has the widest of its types',
    ['a: x y', 'b: x', 'c: x', 'd: y', 'e: y', 'f: y'],
    4,
    ['a: y 4', 'b: x 3', 'c: x 3', 'd: y 4', 'e: y 4', 'f: y 4'],
  ],
];

for (const [what, subscribers, widest, wide] of cases) {
  test(`fan-out: ${what}`, () => {
    const parsed = subscribers.map(subscriber);
    assert.equal(fanOutOf(parsed, 2).widest, widest);
    assert.equal(fanOutOf(parsed, 2).isExact, true);
    assert.deepEqual(told(parsed, 2), new Set(wide));
  });
}

test('agents on two brokers have two event exchanges: no event reaches both', () => {
  const other = { ...subscriber('c: x'), broker: 'other' };
  const fanOut = fanOutOf([subscriber('a: x'), subscriber('b: x'), other], 1);
  assert.equal(fanOut.widest, 2);
  assert.deepEqual([...fanOut.wide.keys()], ['a', 'b']);
});

test('the first five agents by name are told', () => {
  const names = ['g', 'f', 'e', 'd', 'c', 'b', 'a'];
  const reach = fanOutOf(
    names.map((name) => subscriber(`${name}: x${name === 'c' ? ' y' : ''}`)),
    2,
  ).wide.get('g');
  assert.deepEqual(reach, { type: 'x', count: 7, agents: ['a', 'b', 'c', 'd', 'e'] });
});

/** The most agents that a type reaches, and the same for the types that reach each agent, by trying all types. */
function bruteForce(subscribers: readonly Subscriber[], longest: number) {
  const bindings = subscribers.flatMap(({ name, patterns }) => patterns.map((routingKey) => ({ source: '', queue: name, routingKey })));
  const counts = new Map<string, number>();
  let types = ['a', 'b', 'z'];
  for (let length = 1; length <= longest; length += 1) {
    for (const type of types) {
      const agents = routedQueues('topic', bindings, { routingKey: type, headers: {} });
      for (const name of agents) counts.set(name, Math.max(counts.get(name) ?? 0, agents.length));
    }
    types = types.flatMap((type) => ['a', 'b', 'z'].map((word) => `${type}.${word}`));
  }
  return { counts, bindings };
}

test('the numbers are those of all types tried one by one, and each type that is named reaches as many', () => {
  // A type that patterns match has a match without the words that only a `#` stands for: three patterns of at most two other words are matched by six words.
  const pattern = fc
    .array(fc.constantFrom('a', 'b', '*', '#'), { minLength: 1, maxLength: 4 })
    .filter((words) => words.filter((word) => word !== '#').length <= 2)
    .map((words) => words.join('.'));
  const agents = fc.array(fc.array(pattern, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(agents, fc.integer({ min: 0, max: 3 }), (all, above) => {
      const subscribers = all.map((patterns, index) => ({ name: `agent-${index}`, broker: 'default', patterns }));
      const { counts, bindings } = bruteForce(subscribers, 6);
      const fanOut = fanOutOf(subscribers, above);
      assert.equal(fanOut.widest, Math.max(0, ...counts.values()));
      const wide = new Map([...counts].filter(([, count]) => count > above));
      assert.deepEqual(new Map([...fanOut.wide].map(([name, { count }]) => [name, count])), wide);
      for (const [name, { type, count, agents: named }] of fanOut.wide) {
        const reached = routedQueues('topic', bindings, { routingKey: type.replaceAll('*', 'z'), headers: {} });
        assert.equal(reached.length, count);
        assert.ok(reached.includes(name) && named.every((one) => reached.includes(one)));
      }
    }),
    { numRuns: 300 },
  );
});

test('a thousand agents of sixteen types, twenty of which take all, are looked at in full', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => ({
    name: `agent-${index}`,
    broker: 'default',
    patterns: Array.from({ length: 16 }, (_, at) => (at === 0 && index < 20 ? '#' : `team-${index % 50}.topic-${index}.event-${at}`)),
  }));
  const { widest, wide, isExact } = fanOutOf(many, 10);
  assert.deepEqual([widest, wide.size, isExact], [21, 1_000, true]);
});

test('entangled patterns cost no more than is allowed, and what is said of them is true of a real type', () => {
  // Each is a clause of three literals over twelve variables.
  const entangled = Array.from({ length: 80 }, (_, index) => {
    const words = Array.from({ length: 12 }, () => '*');
    for (const at of [1, 5, 7]) words[(index * at + at) % 12] = (index * at) % 3 === 0 ? 'x' : 'y';
    return subscriber(`agent-${index}: ${words.join('.')}`);
  });
  const bindings = entangled.map(({ name, patterns }) => ({ source: '', queue: name, routingKey: patterns[0] ?? '' }));
  for (const mostSteps of [1, 2_000]) {
    const { widest, wide, isExact } = fanOutOf(entangled, 0, mostSteps);
    assert.equal(isExact, false);
    assert.ok(widest > 0);
    for (const { type, count } of wide.values())
      assert.equal(routedQueues('topic', bindings, { routingKey: type.replaceAll('*', 'z'), headers: {} }).length, count);
    assert.equal(Math.max(...[...wide.values()].map(({ count }) => count)), widest);
  }
});
