import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cloudEvent } from '../../../test/support/cloud-event.ts';
import { RefusedInput } from '../exit.ts';
import { readReceipts } from './receipts.ts';
import { readSample, type SampleAttributes } from './samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'eventagent-estimate-'));
after(() => rmSync(folder, { recursive: true }));

const file = join(folder, 'given.json');
const written = (text: string) => {
  writeFileSync(file, text);
  return file;
};

/** What is said of a refused file, FILE for its name. */
function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof RefusedInput, String(error));
    return error.lines.join('\n').replaceAll(file, 'FILE');
  }
  return assert.fail('it was taken');
}

describe('an event', () => {
  const NOW = Date.UTC(2026, 0, 1);
  const read = (text: string, attributes: Partial<SampleAttributes> = {}) =>
    readSample(written(text), { type: undefined, source: undefined, ...attributes }, NOW);
  const headersOf = (...args: Parameters<typeof read>) => {
    const { 'ce-id': id, 'ce-type': type, 'ce-source': source } = read(...args).message.headers;
    return [id, type, source];
  };

  test('that is a CloudEvent keeps its attributes, whatever the flags say', () =>
    assert.deepEqual(headersOf(cloudEvent(), { type: 'other', source: 'other' }), ['order-1', 'com.example.order.created', '/orders']));

  test("of GitHub is read as the gateway reads GitHub's deliveries", () => {
    const delivery = '{"repository": {"html_url": "https://github.com/octo/hello"}}';
    assert.deepEqual(headersOf(delivery, { type: 'github.issues' }), ['sample', 'github.issues', 'https://github.com/octo/hello']);
    assert.deepEqual(headersOf(delivery, { type: 'github.issues', source: 'x' }), ['sample', 'github.issues', 'x']);
  });

  test('that is any other JSON is called what the flags say', () => {
    assert.deepEqual(headersOf('[1]', { type: 't', source: 's' }), ['sample', 't', 's']);
    assert.deepEqual(headersOf('"text"'), ['sample', 'sample', 'sample']);
    assert.equal(read('{ "a":1 }').message.body.toString(), '{ "a":1 }');
  });

  const JSON_SHAPE = 'this is not JSON: an event is a CloudEvent in structured mode, or the JSON body of a webhook';
  const wrong: readonly (readonly [name: string, text: string, says: string, type?: string])[] = [
    ['a word of its own', '{\n"a": hunter2}', `FILE:2: ${JSON_SHAPE}`],
    ['a comma too many', '{"a": 1,\n\n}', `FILE:3: ${JSON_SHAPE}`],
    ['nothing', '', `FILE: ${JSON_SHAPE}`],
    [
      'a CloudEvent without a source',
      cloudEvent({ source: undefined }),
      'FILE: the CloudEvents attribute source: must be a string of 1 to 1024 bytes without control characters',
    ],
    ['a ping', '{"zen": "z"}', 'FILE: a ping is answered by the gateway and reaches no agent: give an event', 'github.ping'],
    ['a list from GitHub', '[]', 'FILE: the body is not a JSON object in UTF-8', 'github.push'],
  ];
  for (const [name, text, says, type] of wrong)
    test(`refused, quoting nothing: ${name}`, () =>
      assert.equal(
        refusalOf(() => read(text, { type })),
        says,
      ));

  test('refused: a file that there is not', () =>
    assert.throws(() => readSample(join(folder, 'none'), { type: undefined, source: undefined }, NOW), /none: there is no such file/));
});

describe('receipts', () => {
  const read = (text: string) => readReceipts(written(text));

  test('one a line: the mean of those of the agent and of nobody, rounded up; what bought nothing is passed over', () => {
    const receipts = read(
      '{"agent":"ns.a","outputTokens":10}\n\n{"msg":"ready"}\n{"agent":"ns.b","outputTokens":99}\n{"outputTokens":11}\n{"agent":"ns.a","outputTokens":0}\n',
    );
    assert.deepEqual(receipts.meanOutput('ns.a'), { count: 2, tokens: 11 });
    assert.deepEqual(receipts.meanOutput('ns.b'), { count: 2, tokens: 55 });
    assert.deepEqual(receipts.meanOutput('ns.c'), { count: 1, tokens: 11 });
  });

  test('in a list; none of an agent is not 0 of it', () => {
    const receipts = read(' [{"agent": "ns.a", "outputTokens": 4}]');
    assert.deepEqual(receipts.meanOutput('ns.a'), { count: 1, tokens: 4 });
    assert.equal(receipts.meanOutput('ns.b'), undefined);
  });

  const SHAPE = 'receipts are objects with outputTokens, in a list or one a line';
  const wrong: readonly (readonly [name: string, text: string, says: string])[] = [
    ['a line that is cut', '{"outputTokens": 1}\n{"outputTo', `FILE:2: this is not JSON: ${SHAPE}`],
    ['a list that is cut', '[{"outputTokens": 1},\n', `FILE:2: this is not JSON: ${SHAPE}`],
    ['half a token', '{"outputTokens": 1}\n{"outputTokens": 0.5}', 'FILE:2: outputTokens: it must be a whole number from 0'],
    ['a figure in quotes', '[{"outputTokens": "5"}]', 'FILE: [0]: outputTokens: it must be a whole number from 0'],
    ['a number', '5', `FILE:1: this is no object: ${SHAPE}`],
    ['an empty list', '[]', 'FILE: no object with outputTokens above 0 in there: give the receipts of runs, or a log of them in JSON'],
  ];
  for (const [name, text, says] of wrong)
    test(`refused: ${name}`, () =>
      assert.equal(
        refusalOf(() => read(text)),
        says,
      ));
});
