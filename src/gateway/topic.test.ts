import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTopicPattern, topicMatches } from './topic.ts';

const matches = (pattern: string, key: string) => topicMatches(parseTopicPattern(pattern), key);

const cases: readonly [string, string, string, boolean][] = [
  ['a literal pattern matches the same type', 'github.pull_request', 'github.pull_request', true],
  ['a literal pattern matches no other type', 'github.pull_request', 'github.push', false],
  ['* stands for one word', 'github.*', 'github.push', true],
  ['* does not stand for two words', 'github.*', 'github.push.main', false],
  ['* does not stand for no word', 'github.*', 'github', false],
  ['# stands for no word', 'github.#', 'github', true],
  ['# stands for many words', '#', 'com.example.order.created', true],
  ['# in the middle swallows what lies between', 'com.#.created', 'com.example.order.created', true],
  ['# in the middle swallows nothing, too', 'com.#.created', 'com.created', true],
  ['what comes after # must be there', 'com.#.created', 'com.example.order.deleted', false],
  ['* and # together ask for at least one word', '#.*', 'a', true],
  ['* is a word of its own, not part of one', 'git*', 'github', false],
  ['two # do not hide the word between them', '#.order.#', 'com.example.order.created', true],
  ['two # need the word between them', '#.order.#', 'com.example.created', false],
  ['an empty word counts as a word', 'a.*.b', 'a..b', true],
];

for (const [name, pattern, key, expected] of cases) {
  test(name, () => assert.equal(matches(pattern, key), expected));
}

test('the matcher agrees with the definition, read word by word', () => {
  const word = fc.constantFrom('a', 'b', '');
  const key = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join('.'));
  const pattern = fc.array(fc.oneof(word, fc.constantFrom('*', '#')), { minLength: 1, maxLength: 6 }).map((words) => words.join('.'));
  fc.assert(
    fc.property(pattern, key, (p, k) => {
      assert.equal(matches(p, k), naive(p === '' ? [] : p.split('.'), k === '' ? [] : k.split('.')));
    }),
    { numRuns: 3_000 },
  );
});

test('a pattern of many # takes no exponential time', () => {
  const pattern = `${'#.a.'.repeat(40)}b`;
  const key = Array.from({ length: 127 }, () => 'a').join('.');
  const begun = performance.now();
  assert.equal(matches(pattern, key), false);
  assert.ok(performance.now() - begun < 15_000);
});

function naive(pattern: readonly string[], key: readonly string[]): boolean {
  const [part, ...restOfPattern] = pattern;
  const [word, ...restOfKey] = key;
  if (part === undefined) return word === undefined;
  if (part === '#') return naive(restOfPattern, key) || (word !== undefined && naive(pattern, restOfKey));
  return word !== undefined && (part === '*' || part === word) && naive(restOfPattern, restOfKey);
}
