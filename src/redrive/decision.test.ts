import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { buriedMessage, deadRecord, keyOf, reviewerNames } from '../../test/support/dead-letter-stage.ts';
import { deadLetterOf, recordKeyOf } from '../api/dead-letter.ts';
import type { EventRecord } from '../api/record.ts';
import { redriveDecision } from './decision.ts';

const request = { method: 'POST', url: 'http://sink/', headers: {}, body: '' };
const open = { one: { request, state: 'intent' }, two: { request, state: 'done' }, three: { request, state: 'refused' } } as const;
const KEY = keyOf({ id: '1' });

/** The letter of event 1 in generation 1. */
const letter = (keyed = true) => {
  const message = buriedMessage({ id: '1', progress: { gen: 1, attempt: 4 } });
  const { 'ea-key': _, ...rest } = message.headers;
  return deadLetterOf(
    { ...message, headers: keyed ? message.headers : rest, exchange: reviewerNames.exchange, routingKey: 'dead' },
    reviewerNames,
  );
};
const again = { do: 'publish', next: { gen: 2, key: KEY }, openIntents: 0 };

suite('redriving a dead letter of generation 1', () => {
  const rows: readonly (readonly [name: string, record: EventRecord | undefined, want: object])[] = [
    ['its record is dead, too: the next generation', deadRecord({ gen: 1 }), again],
    ['its record is not yet marked as dead', deadRecord({ gen: 1, phase: 'decided' }), again],
    ['an output was sent and its answer is not known', deadRecord({ gen: 1, outputs: open }), { ...again, openIntents: 1 }],
    ['its record is lost', undefined, again],
    ['its record is of an earlier generation', deadRecord({ gen: 0, phase: 'done' }), again],
    ['it is done after all', deadRecord({ gen: 1, phase: 'done' }), { do: 'drop' }],
    ['it was redriven since, and is being run', deadRecord({ gen: 2, phase: 'running' }), { do: 'drop' }],
    ['it was redriven since, and waits', deadRecord({ gen: 2, phase: 'parked' }), { do: 'drop' }],
    ['it was redriven since, and died again', deadRecord({ gen: 2 }), { do: 'drop' }],
    ['it was redriven since, and is done', deadRecord({ gen: 3, phase: 'done' }), { do: 'drop' }],
  ];
  for (const [name, record, want] of rows) test(name, () => assert.deepEqual(redriveDecision(letter(), record), want));
});

suite('redriving a dead letter without a key, which no runner has settled', () => {
  test('no record under the default key: the same generation, since its agent may know it under another one', () =>
    assert.deepEqual(redriveDecision(letter(false), undefined), { do: 'publish', next: { gen: 1 }, openIntents: 0 }));
  test('a record under the default key: as if it carried that', () =>
    assert.deepEqual(redriveDecision(letter(false), deadRecord({ gen: 1 })), again));
  test('a record under the default key that is done', () =>
    assert.deepEqual(redriveDecision(letter(false), deadRecord({ gen: 1, phase: 'done' })), { do: 'drop' }));
});

test('the record of a dead letter is found by its key, else by the default one, and not at all without an id', () => {
  assert.equal(recordKeyOf(letter()), KEY);
  assert.equal(recordKeyOf(letter(false)), KEY);
  const nameless = deadLetterOf(
    { body: Buffer.from(''), headers: {}, exchange: reviewerNames.exchange, routingKey: 'dead' },
    reviewerNames,
  );
  assert.equal(recordKeyOf(nameless), undefined);
});
