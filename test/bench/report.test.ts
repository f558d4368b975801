import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { plainText, ratioText, shareText, table, withSection } from './report.ts';

const numbers: readonly (readonly [number, string])[] = [
  [4321.6, '4322'],
  [100, '100'],
  [99.94, '99.9'],
  [4.567, '4.57'],
  [0.012345, '0.0123'],
  [0, '0'],
  [-85.2, '-85.2'],
];

for (const [value, text] of numbers) test(`${value} is written ${text}`, () => assert.equal(plainText(value), text));

test('a ratio shows its middle and both ends', () => {
  const spread = { median: 0.834, min: 0.7, max: 1 };
  assert.equal(ratioText(spread), '**0.83** (0.70–1.00)');
  assert.equal(ratioText(spread, 0.83), '**0.83** (0.70–1.00)');
  assert.equal(ratioText(spread, 0.84), '**0.83** (0.70–1.00), misses the aim');
});

test('a table is one of Markdown', () => {
  assert.equal(table(['a', 'b'], [['1', '2']]), '| a | b |\n| --- | --- |\n| 1 | 2 |');
});

test('shares are of the whole, the largest first, and small ones are left out', () => {
  assert.equal(shareText({ small: 1, store: 39, runner: 60 }), 'runner 60 %, store 39 %');
});

test('a section takes the place of its own kind, and nothing else is touched', () => {
  const before = 'intro\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nbetween\n<!-- bench:b -->\nkept\n<!-- /bench:b -->\n';
  const after = withSection(before, { name: 'a', text: 'new' });
  assert.equal(after, before.replace('\nold\n', '\n\nnew\n\n'));
  assert.equal(withSection(after, { name: 'a', text: 'new' }), after);
  assert.throws(() => withSection(before, { name: 'c', text: 'new' }), /no place for c/);
});

test('the document has a place for each benchmark', () => {
  const document = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8');
  for (const name of ['gateway', 'runner', 'memory', 'startup']) assert.match(withSection(document, { name, text: 'here' }), /here/);
});
