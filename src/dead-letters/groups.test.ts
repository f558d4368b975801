import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type BuriedLetter, buriedMessage, DEAD_AT, reviewerNames } from '../../test/support/dead-letter-stage.ts';
import { type DeadLetter, deadLetterOf, type LetterFilter } from '../api/dead-letter.ts';
import { isMeant } from './filter.ts';
import { Folding, Grouping } from './groups.ts';

const letterOf = (letter: BuriedLetter) =>
  deadLetterOf({ ...buriedMessage(letter), exchange: reviewerNames.exchange, routingKey: 'dead' }, reviewerNames);

const byHand = deadLetterOf({ body: Buffer.from(''), headers: {}, exchange: '', routingKey: reviewerNames.dead }, reviewerNames);

suite('dead letters by cause', () => {
  const grouped = (...letters: readonly DeadLetter[]) => {
    const grouping = new Grouping();
    for (const letter of letters) grouping.add(letter);
    return grouping.groups();
  };

  test('are counted, with the first, the last, and an example: the last', () => {
    const groups = grouped(
      letterOf({ id: 'b', at: DEAD_AT + 2000, error: 'item 7 is odd' }),
      letterOf({ id: 'c', at: DEAD_AT + 3000, error: 'item 9 is odd' }),
      letterOf({ id: 'a', at: DEAD_AT + 1000, error: 'item 8 is odd' }),
      letterOf({ id: 'd', reason: 'Refused', error: 'no' }),
    );
    const { fingerprint } = letterOf({ id: 'x', error: 'item 1 is odd' });
    const odd = { fingerprint, reason: 'OutputRejected', count: 3, firstAt: DEAD_AT + 1000, lastAt: DEAD_AT + 3000 };
    assert.deepEqual(groups[0], { ...odd, exampleId: 'c', error: 'item 9 is odd' });
    assert.deepEqual(
      groups.map(({ reason, count }) => [reason, count]),
      [
        ['OutputRejected', 3],
        ['Refused', 1],
      ],
    );
  });

  test('have no time and no example id where none is known', () => {
    const { reason, error, fingerprint } = byHand;
    assert.deepEqual(grouped(byHand, byHand), [{ fingerprint, reason, count: 2, error }]);
  });
});

test('copies are told from other dead letters by key and generation', () => {
  const folding = new Folding();
  const seen = [{ id: 'a' }, { id: 'b' }, { id: 'a' }, { id: 'a', progress: { gen: 1 } }, { id: 'a', progress: { gen: 1 } }];
  assert.deepEqual(
    seen.map((letter) => folding.isCopy(letterOf(letter))),
    [false, false, true, false, true],
  );
  assert.deepEqual([folding.isCopy(byHand), folding.isCopy(byHand)], [false, false], 'without a key each stands for itself');
});

suite('a filter', () => {
  const letter = letterOf({ id: '1', type: 'github.push' });
  const now = DEAD_AT + 60_000;
  const cases: readonly (readonly [name: string, filter: LetterFilter, meant: boolean])[] = [
    ['of nothing lets all through', {}, true],
    ['of its reason', { reason: 'OutputRejected' }, true],
    ['of another reason', { reason: 'Refused' }, false],
    ['of its fingerprint', { fingerprint: letter.fingerprint }, true],
    ['of another fingerprint', { fingerprint: '000000000000' }, false],
    ['of its type', { type: 'github.push' }, true],
    ['of a part of its type', { type: 'github' }, false],
    ['older than less', { olderThanMs: 59_000 }, true],
    ['older than more', { olderThanMs: 61_000 }, false],
    ['newer than more', { newerThanMs: 61_000 }, true],
    ['newer than less', { newerThanMs: 59_000 }, false],
    ['of which one part does not fit', { reason: 'OutputRejected', type: 'x' }, false],
  ];
  for (const [name, filter, meant] of cases) test(name, () => assert.equal(isMeant(letter, filter, now), meant));
  test('by age means none whose age nobody knows', () =>
    assert.deepEqual([isMeant(byHand, { olderThanMs: 0 }, now), isMeant(byHand, { newerThanMs: 1e12 }, now)], [false, false]));
});
