import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventRecord } from '../api/record.ts';
import { fittedRecord, MAX_RECORD_BYTES } from './record-size.ts';

const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

/** A record with this answer, and an output with this body. */
function recordWith(text: string | undefined, body = ''): EventRecord {
  const request = { method: 'POST', url: 'http://sink/', headers: {}, body };
  const turn = text === undefined ? {} : { turn: { requestDigest: 'd', text, model: 'm', usage } };
  const outputs = { out: { request, state: 'intent' as const } };
  return { gen: 0, attempt: 1, phase: 'running', fence: 'f', starts: 1, startedAt: 5, outputs, ...turn };
}

const bytesOf = (record: EventRecord) => Buffer.byteLength(JSON.stringify(record));

test('a record of exactly the limit is kept whole, one byte more costs it its answer and nothing else', () => {
  const spare = MAX_RECORD_BYTES - bytesOf(recordWith('', 'body'));
  const most = recordWith('x'.repeat(spare), 'body');
  assert.deepEqual([bytesOf(most), fittedRecord(most)], [MAX_RECORD_BYTES, { record: most }]);
  const more = recordWith('x'.repeat(spare + 1), 'body');
  assert.deepEqual(fittedRecord(more), { record: recordWith(undefined, 'body'), wholeBytes: MAX_RECORD_BYTES + 1 });
});

for (const [what, text] of [
  ['control characters, of which JSON makes six bytes each', '\u0001'],
  ['characters of three bytes', '€'],
] as const)
  test(`bytes of JSON count: ${what}`, () => {
    const perCharacter = bytesOf(recordWith(text)) - bytesOf(recordWith(''));
    const record = recordWith(text.repeat(Math.ceil(MAX_RECORD_BYTES / perCharacter)));
    assert.equal(fittedRecord(record).record.turn, undefined);
  });

test('a large request is kept, whatever it takes', () => {
  const record = recordWith(undefined, 'x'.repeat(2 * MAX_RECORD_BYTES));
  assert.deepEqual(fittedRecord(record), { record });
});
