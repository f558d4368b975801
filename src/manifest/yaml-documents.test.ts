import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYamlDocuments } from './yaml-documents.ts';

const valuesOf = (text: string) => parseYamlDocuments(text, 'file.yaml').map(({ value }) => value);

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
      parseYamlDocuments('---\n---\n# first\na: 1\n---\n\n---\nb: 2\n', 'file.yaml').map(({ line, value }) => [line, value]),
      [
        [4, { a: 1 }],
        [8, { b: 2 }],
      ],
    ));

  it('holds nothing if it is empty', () => assert.deepEqual(valuesOf(''), []));

  const broken: readonly (readonly [string, string, RegExp])[] = [
    ['a key twice', 'a: 1\nb:\n  c: 1\n  c: 2\n', /^file\.yaml:4: Map keys must be unique/],
    ['bad indentation', 'a:\n  - b\n c: d\n', /^file\.yaml:3: /],
    ['a tab', 'a:\n\tb: 1\n', /^file\.yaml:2: Tabs/],
    ['an open quote', 'a: 1\nb: "x\n', /^file\.yaml:[23]: Missing closing "quote/],
    ['an unknown alias', 'a: 1\nb: *c\n', /^file\.yaml:2: \*c stands before its anchor/],
    ['an unknown tag', 'a: 1\nb: !secret x\n', /^file\.yaml:2: Unresolved tag/],
    ['binary data', 'b: !!binary aGk=\n', /^file\.yaml:1: Unresolved tag/],
    ['a map as a key', 'a: 1\n? {b: 1}\n: 2\n', /^file\.yaml:2: a list or a map cannot be a key/],
    ['nesting deeper than the stack', '['.repeat(20_000), /^file\.yaml(:1)?: Maximum call stack/],
    [
      'aliases that multiply',
      ['a', 'b', 'c', 'd']
        .map(
          (name, index) =>
            `${name}: &${name} [${Array.from({ length: 9 }, () => (index === 0 ? '1' : `*${'abcd'[index - 1]}`)).join(',')}]`,
        )
        .join('\n'),
      /^file\.yaml:1: Excessive alias count/,
    ],
  ];
  for (const [says, text, message] of broken)
    it(`is refused with file and line for ${says}`, () =>
      assert.throws(() => valuesOf(text), { name: 'InputError', code: 'NotYaml', message }));

  it('says where each value stands', () => {
    const [document] = parseYamlDocuments(
      'spec:\n  triggers:\n    - name: a\n      webhook:\n        path: /a\n    -\n      name: b\n  "quoted": 1\n  7: seven\n',
      'f',
    );
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
