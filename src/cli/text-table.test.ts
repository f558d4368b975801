import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, cut, cutId, instant, textTable } from './text-table.ts';

test('columns are as wide as their widest cell, and no cell begins a line', () => {
  assert.deepEqual(
    textTable([
      ['A', 'COLUMN', 'LAST'],
      ['long', 'x\n', 'as it is'],
    ]),
    ['A     COLUMN   LAST', 'long  x\\u000a  as it is'.replace('x\\u000a ', 'x\\u000a ')],
  );
  assert.deepEqual(textTable([]), []);
});

test('what is too long is cut, a time that nobody knows is a dash, one thing is one thing', () => {
  assert.deepEqual([cut('x'.repeat(121)).length, cut('x'.repeat(120))], [120, 'x'.repeat(120)]);
  assert.deepEqual([cutId('x'.repeat(65)).length, cutId('x'.repeat(64))], [64, 'x'.repeat(64)]);
  assert.equal(cutId('\u202e'.repeat(64)), `${'\\u202e'.repeat(10)}\\u2…`, 'of what is an escape each character counts');
  assert.deepEqual([instant(undefined), instant(Date.UTC(2026, 0, 2))], ['-', '2026-01-02T00:00:00Z']);
  assert.deepEqual([counted(1, 'letter'), counted(2, 'letter'), counted(0, 'copy', 'copies')], ['1 letter', '2 letters', '0 copies']);
});
