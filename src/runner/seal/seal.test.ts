import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deadRecord } from '../../../test/support/dead-letter-stage.ts';
import type { EventRecord } from '../../api/record.ts';
import { openedRecord, type SealErrorCode, sealedRecord, sealKeys } from './seal.ts';

const of = { agent: { namespace: 'ns', name: 'a' }, event: 'e1' };
const text = (fill: number) => Buffer.alloc(32, fill).toString('base64');
const ref = (key: string) => ({ name: 'keys', key });
const secrets: Readonly<Record<string, string>> = {
  one: text(1),
  two: `${text(2)}\n`,
  short: 'c2hvcnQ=',
  words: 'correct horse battery staple',
};
const keysOf = (...names: readonly string[]) => sealKeys(names.map(ref), ({ key }) => secrets[key]);

const usage = { input: 1, output: 2, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
const request = { method: 'POST', url: 'https://sink/ada@example.com', headers: { 'x-who': 'Ada' }, body: '{"t": "to Ada"}' };
const plain: EventRecord = deadRecord({
  phase: 'running',
  turn: { requestDigest: 'd', text: 'Dear Ada', model: 'm', usage },
  outputs: { one: { request, state: 'intent' }, two: { request: { ...request, body: 'another' }, state: 'done' } },
});

const fails = (code: SealErrorCode) => (error: unknown) => error instanceof Error && 'code' in error && error.code === code;

suite('a record of an agent that encrypts its checkpoints', () => {
  const sealed = sealedRecord(plain, of, keysOf('one'));

  test('has nothing of answer and requests in it, and all else in clear', () => {
    assert.doesNotMatch(JSON.stringify(sealed), /Ada|ada@|another|sink/);
    assert.deepEqual(
      [sealed.phase, sealed.gen, sealed.turn?.requestDigest, sealed.outputs.one?.state, sealed.outputs.two?.state],
      ['running', 0, 'd', 'intent', 'done'],
    );
  });

  test('opens with its key, whichever of several that is', () => {
    assert.deepEqual(openedRecord(sealed, of, keysOf('one')), plain);
    assert.deepEqual(openedRecord(sealed, of, keysOf('two', 'one')), plain);
  });

  test('is sealed by the first key from then on, another time otherwise, and once', () => {
    const again = sealedRecord(openedRecord(sealed, of, keysOf('two', 'one')), of, keysOf('two', 'one'));
    assert.deepEqual(openedRecord(again, of, keysOf('two')), plain);
    assert.notEqual(sealedRecord(plain, of, keysOf('one')).turn?.sealed, sealed.turn?.sealed);
    assert.deepEqual(sealedRecord(sealed, of, keysOf('two')), sealed);
  });

  test('that was written in clear is read as it is; without keys it is written so', () => {
    assert.deepEqual(openedRecord(plain, of, keysOf('one')), plain);
    assert.equal(sealedRecord(plain, of, []), plain);
  });

  const rows: readonly (readonly [name: string, open: () => unknown, code: SealErrorCode])[] = [
    ['without its key', () => openedRecord(sealed, of, keysOf('two')), 'KeyMissing'],
    ['without any key', () => openedRecord(sealed, of, []), 'KeyMissing'],
    ['as that of another event', () => openedRecord(sealed, { ...of, event: 'e2' }, keysOf('one')), 'Tampered'],
    ['as that of another agent', () => openedRecord(sealed, { ...of, agent: { namespace: 'ns', name: 'b' } }, keysOf('one')), 'Tampered'],
    [
      'with the parts exchanged',
      () =>
        openedRecord({ ...sealed, outputs: { one: sealed.outputs.two ?? never(), two: sealed.outputs.one ?? never() } }, of, keysOf('one')),
      'Tampered',
    ],
    [
      'with a byte changed',
      () =>
        openedRecord({ ...sealed, turn: { ...(sealed.turn ?? never()), sealed: flipped(sealed.turn?.sealed ?? '') } }, of, keysOf('one')),
      'Tampered',
    ],
    [
      'cut short',
      () =>
        openedRecord(
          { ...sealed, turn: { ...(sealed.turn ?? never()), sealed: sealed.turn?.sealed?.slice(0, 20) ?? '' } },
          of,
          keysOf('one'),
        ),
      'Tampered',
    ],
  ];
  for (const [name, open, code] of rows) test(`does not open ${name}`, () => assert.throws(open, fails(code)));
});

suite('a key', () => {
  for (const name of ['short', 'words', 'missing'])
    test(`that is ${name} is refused by the name of its Secret, and never shown`, () =>
      assert.throws(
        () => keysOf('one', name),
        (error) => fails('KeyUnusable')(error) && /Secret keys/.test(String(error)) && !/c2hvcnQ|horse/.test(String(error)),
      ));
});

function never(): never {
  throw new Error('there is none');
}

/** With the last byte of the tag changed. */
function flipped(sealed: string): string {
  const [id = '', body = ''] = sealed.split('.');
  const bytes = Buffer.from(body, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return `${id}.${bytes.toString('base64')}`;
}
