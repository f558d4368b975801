import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYamlDocuments } from './yaml-documents.ts';

const valuesOf = (text: string) => {
  const { documents, problems } = parseYamlDocuments(text, 'file.yaml');
  assert.deepEqual(problems, []);
  return documents.map(({ value }) => value);
};

describe('a YAML file', () => {
  // What sigs.k8s.io/yaml, which kubectl reads with, makes of the same words.
  const words: readonly (readonly [string, unknown])[] = [
    ['yes', true],
    ['off', false],
    ['n', false],
    ['"yes"', 'yes'],
    ['0644', 420],
    ['0x1f', 31],
    ['0b11', 3],
    ['1_000', 1000],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1:30', '1:30'],
    ['12:30:45', '12:30:45'],
    ['2020-01-01', '2020-01-01'],
    ['~', null],
  ];
  for (const [word, value] of words)
    it(`reads ${word} as kubectl does`, () => assert.deepEqual(valuesOf(`field: ${word}\n`), [{ field: value }]));

  it('merges maps as kubectl does', () =>
    assert.deepEqual(valuesOf('a: &a {x: 1}\nb:\n  <<: *a\n  z: 2\n'), [{ a: { x: 1 }, b: { x: 1, z: 2 } }]));

  it('leaves out empty documents and knows where each begins', () =>
    assert.deepEqual(
      parseYamlDocuments('---\n---\n# first\na: 1\n---\n\n---\nb: 2\n', 'file.yaml').documents.map(({ line, value }) => [line, value]),
      [
        [4, { a: 1 }],
        [8, { b: 2 }],
      ],
    ));

  it('holds nothing if it is empty', () => assert.deepEqual(valuesOf(''), []));

  const deeper = 'this line is indented deeper than the field above it, which has its value already: give both the same indentation';
  const otherwise = 'this line is indented otherwise than what it belongs to: give all fields of one map the same indentation';
  const colon = 'a field needs a colon and a space behind its name, as in "name: value"';
  const quotes = 'a value that begins with a special character of YAML (such as ! & * | > % @ `) must be put in quotes';
  const broken: readonly (readonly [name: string, text: string, line: number, message: string])[] = [
    ['a key twice', 'a: 1\nb:\n  c: 1\n  c: 2\n', 4, 'Map keys must be unique: remove one of the two'],
    ['a field a little to the left', 'a:\n  b: 1\n c: 2\nd: 3\n', 3, otherwise],
    ['a list above it', 'a:\n  - b\n c: d\n', 3, otherwise],
    ['a field to the right', 'a:\n  b: 1\n    c: 2\nd: 3\n', 3, deeper],
    ['a field to the right, behind an empty line', 'a:\n  b: 1\n\n  # why\n    c: 2\nd: 3\n', 5, otherwise],
    ['a field to the right of a text of two lines', 'a:\n  b: some\n    text\n    c: 2\n', 4, deeper],
    ['a field to the right, at the end of a map', 'a:\n  b:\n    x: 1\n      c: 2\nd: 3\n', 4, deeper],
    [
      'a field between the items of a list and its dash',
      'spec:\n  triggers:\n    - name: a\n     webhook: {}\n',
      4,
      'this line belongs to no item of the list: begin an item with a dash and a space, and its further fields below its first field',
    ],
    ['a text that is not indented', 'spec:\n  prompt: |\n    hello\n world\n  x: 1\n', 4, otherwise],
    ['a tab', 'a:\n\tb: 1\n', 2, 'Tabs are not allowed as indentation: use spaces'],
    ['a name without a colon', 'a:\n  b\n  c: 1\n', 2, colon],
    ['a colon without a space', 'a:\n  b: 1\n  c:2\n  d: 3\n', 3, colon],
    [
      'a dash without a space',
      'a:\n  -b: 1\n  - c: 2\n',
      3,
      'a list begins in the middle of a map: begin each of its items with a dash and a space',
    ],
    ['a colon in a text', 'prompt: PR: title\n', 1, 'a value with a colon and a space in it must be put in quotes'],
    ['an open quote', 'a: 1\nb: "x\nc: 1\n', 2, 'a quote that is opened here is not closed'],
    ['a quote in quotes', "a: 1\nb: 'it's'\n", 2, 'something stands behind the end of a value: put all of it in quotes'],
    [
      'a template without quotes',
      'url: {{ event.data.url }}/x\n',
      1,
      'something stands behind the end of a value: put all of it in quotes',
    ],
    [
      'a template without quotes, alone',
      'a: 1\nurl: {{ event.data.url }}\n',
      2,
      'a list or a map cannot be a key: a value that begins with { or [ must be put in quotes',
    ],
    ['an open list', 'a: [b, c\nd: e\n', 2, 'a list or a map in brackets is not closed before this line: end it with ] or }'],
    [
      'an escape that there is not',
      'a: "b\\d"\n',
      1,
      'a backslash in double quotes begins no escape of YAML: write two of them, or use single quotes',
    ],
    ['an unknown alias', 'a: 1\nb: *c\n', 2, quotes],
    ['an unknown tag', 'a: 1\nb: !secret x\n', 2, quotes],
    ['a reserved character', 'a: 1\nb: @x\n', 2, quotes],
    ['binary data', 'b: !!binary aGk=\n', 1, quotes],
    [
      'a map as a key',
      'a: 1\n? {b: 1}\n: 2\n',
      2,
      'a list or a map cannot be a key: a value that begins with { or [ must be put in quotes',
    ],
    ['nesting deeper than the stack', '['.repeat(20_000), 1, 'lists and maps are nested too deeply'],
    [
      'aliases that multiply',
      ['a', 'b', 'c', 'd']
        .map(
          (name, index) =>
            `${name}: &${name} [${Array.from({ length: 9 }, () => (index === 0 ? '1' : `*${'abcd'[index - 1]}`)).join(',')}]`,
        )
        .join('\n'),
      1,
      'aliases (*name) multiply too much here: write the values out',
    ],
  ];
  for (const [says, text, line, message] of broken)
    it(`is refused with file and line for ${says}`, () => {
      const { documents, problems } = parseYamlDocuments(text, 'file.yaml');
      assert.deepEqual(
        problems.map((problem) => [problem.code, problem.message]),
        [['NotYaml', `file.yaml:${line}: ${message}`]],
      );
      assert.deepEqual(documents, []);
    });

  const secrets = [
    '!',
    '*',
    '|',
    '>',
    '@',
    '`',
    '%',
    '&',
    '[',
    '{',
    ']',
    '}',
    ',',
    '"',
    "'",
    '? ',
    '- ',
    '!!',
    '!<',
    '| ',
    '"\\',
    '%',
    ': ',
    '\t',
    '!a!',
  ];
  for (const begin of secrets)
    for (const [place, text] of [
      ['a value', `a: ${begin}hunter2\nb: 1\n`],
      ['a document', `${begin}hunter2\na: 1\n`],
      ['a value and more', `a:\n  b: ${begin}hunter2 x: y "z\n`],
    ] as const)
      it(`is never quoted: ${place} that begins with ${JSON.stringify(begin)}`, () => {
        for (const problem of parseYamlDocuments(text, 'file.yaml').problems) {
          assert.match(problem.message, /^file\.yaml:\d: /);
          assert.doesNotMatch(problem.message, /hunter/);
        }
      });

  it('that is broken in one document is read in the others', () => {
    const { documents, problems } = parseYamlDocuments('a: 1\n---\nb: [\n---\nc: 3\n---\nd: *e\n', 'file.yaml');
    assert.deepEqual(
      documents.map(({ value }) => value),
      [{ a: 1 }, { c: 3 }],
    );
    assert.deepEqual(
      problems.map(({ message }) => /^file\.yaml:\d/.exec(message)?.[0]),
      ['file.yaml:4', 'file.yaml:7'],
    );
  });

  it('says where each value stands', () => {
    const [document] = parseYamlDocuments(
      'spec:\n  triggers:\n    - name: a\n      webhook:\n        path: /a\n    -\n      name: b\n  "quoted": 1\n  7: seven\n',
      'f',
    ).documents;
    const lines: readonly (readonly [readonly (string | number)[], number])[] = [
      [[], 1],
      [['spec'], 1],
      [['spec', 'triggers'], 2],
      [['spec', 'triggers', 0], 3],
      [['spec', 'triggers', 0, 'webhook', 'path'], 5],
      [['spec', 'triggers', 0, 'webhook', 'missing', 'deeper'], 4],
      [['spec', 'triggers', 1, 'name'], 7],
      [['spec', 'triggers', 9], 2],
      [['spec', 'quoted'], 8],
      [['spec', '7'], 9],
      [['missing'], 1],
    ];
    for (const [at, line] of lines) assert.equal(document?.lineOf(at), line, at.join('.'));
  });
});
