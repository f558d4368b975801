import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLines } from './watch-lines.ts';

/** What comes out of a text that comes in pieces of these lengths, the last of which repeats. */
function linesOf(text: string, lengths: readonly number[]): { readonly lines: readonly string[]; readonly rest: string } {
  const bytes = Buffer.from(text);
  const lines = createLines();
  const found: string[] = [];
  for (let [at, piece] = [0, 0]; at < bytes.length; piece++) {
    const length = lengths[Math.min(piece, lengths.length - 1)] ?? 1;
    found.push(...lines.push(bytes.subarray(at, at + length)));
    at += length;
  }
  return { lines: found, rest: lines.rest() };
}

test('lines come when their end has come', () => {
  const lines = createLines();
  assert.deepEqual(lines.push(Buffer.from('{"a"')), []);
  assert.deepEqual(lines.push(Buffer.from(':1}')), []);
  assert.equal(lines.rest(), '{"a":1}');
  assert.deepEqual(lines.push(Buffer.from('\n{"b":2}\n{')), ['{"a":1}', '{"b":2}']);
  assert.equal(lines.rest(), '{');
});

test('empty lines are none', () => assert.deepEqual(linesOf('\n\na\n\nb\n', [100]), { lines: ['a', 'b'], rest: '' }));

test('a character may be cut in two', () => assert.deepEqual(linesOf('ä€😀\n', [1]), { lines: ['ä€😀'], rest: '' }));

test('the pieces do not matter', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, lengths) => {
      assert.deepEqual(linesOf(lines.map((text) => `${text}\n`).join(''), lengths), { lines, rest: '' });
    }),
  );
});
