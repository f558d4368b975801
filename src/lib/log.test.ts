import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as check, property, string } from 'fast-check';
import { createLog, type LogFields } from './log.ts';

/** What one call writes, without the time. */
function written(fields: LogFields, message = 'something happened'): string {
  let text = '';
  createLog('text', (line) => {
    text += line;
  }).info(message, fields);
  assert.match(text, /^\d\d:\d\d:\d\d\.\d{3} /);
  return text.slice(13);
}

const lines: readonly (readonly [name: string, fields: LogFields, line: string])[] = [
  ['nothing', {}, 'info  something happened'],
  ['words and figures stand as they are', { a: 'b', n: 1.5, yes: true, no: null }, 'info  something happened  a=b n=1.5 yes=true no=null'],
  [
    'addresses and names stand as they are',
    { url: 'http://127.0.0.1:8080/a/b?c#d', type: 'github.pull_request', name: 'Żółw-日本' },
    'info  something happened  url=http://127.0.0.1:8080/a/b?c#d type=github.pull_request name=Żółw-日本',
  ],
  ['blanks are quoted', { error: 'it went wrong' }, 'info  something happened  error="it went wrong"'],
  ['what looks like a field is quoted', { id: 'x outcome=done' }, 'info  something happened  id="x outcome=done"'],
  ['so is an equals sign alone, and a text that ends in one', { id: 'a=b', c: 'd=' }, 'info  something happened  id="a=b" c="d="'],
  ['quotes are escaped', { id: 'a" b="c' }, String.raw`info  something happened  id="a\" b=\"c"`],
  ['a backslash is escaped', { id: String.raw`a\" b` }, String.raw`info  something happened  id="a\\\" b"`],
  ['nothing is two quotes', { id: '' }, 'info  something happened  id=""'],
  [
    'controls are escaped',
    { id: 'a\u001b[31m\u0000\u007f\u0085\tb' },
    String.raw`info  something happened  id="a\u001b[31m\u0000\u007f\u0085\tb"`,
  ],
  [
    'line breaks of Unicode and what turns the direction of writing are escaped',
    { id: 'a\u2028b\u2029c\u202ed\u2066e\u200ff\u061cg\ufeffh' },
    String.raw`info  something happened  id="a\u2028b\u2029c\u202ed\u2066e\u200ff\u061cg\ufeffh"`,
  ],
  ['blanks of Unicode are quoted', { id: 'a\u00a0b' }, String.raw`info  something happened  id="a\u00a0b"`],
  ['half a character is escaped', { id: 'a\ud800b' }, String.raw`info  something happened  id="a\ud800b"`],
  [
    'lists and objects are JSON',
    { list: ['a b', 1], object: { k: 'v\u2028' } },
    String.raw`info  something happened  list=["a b",1] object={"k":"v\u2028"}`,
  ],
];
for (const [name, fields, line] of lines) test(`a line of text: ${name}`, () => assert.equal(written(fields), `${line}\n`));

test('the body of an output stands below, each line with its name before it, so that none looks like a line of the log', () => {
  const body = '{\n  "text": "a"\n}\n12:00:00.000 info  run finished  outcome=done\r\n\u001b[2Kx\u2028y\n';
  assert.equal(
    written({ output: 'comment', body, status: 200 }, 'output captured'),
    [
      'info  output captured  output=comment body=(below) status=200',
      '    body| {',
      '    body|   "text": "a"',
      '    body| }',
      '    body| 12:00:00.000 info  run finished  outcome=done',
      String.raw`    body| \u001b[2Kx\u2028y`,
      '',
    ].join('\n'),
  );
});

test('a name of a field is no way to forge one', () => assert.equal(written({ 'a=b c\n': 1 }), 'info  something happened  "a=b c\\n"=1\n'));

test('whatever a value is, the line is one line and has the fields that were given, and a body cannot begin a line', () =>
  check(
    property(string({ unit: 'binary' }), (value) => {
      const [first = '', ...below] = written({ before: 1, value, body: value }).trimEnd().split('\n');
      assert.ok(below.length > 0 && below.every((line) => line.startsWith('    body|')));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      assert.doesNotMatch([first, ...below].join(''), /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      const bare = first.replaceAll(/"(?:[^"\\]|\\.)*"/g, 'quoted');
      assert.match(bare, /^info {2}something happened {2}before=1 value=[^ =]+ body=\(below\)$/);
    }),
    { numRuns: 500 },
  ));
