import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type BuriedLetter, buriedMessage, DEAD_AT, reviewerNames } from '../../test/support/dead-letter-stage.ts';
import { deadLetterOf, type LetterFilter } from '../api/dead-letter.ts';
import { isMeant } from './filter.ts';
import { Folding, Grouping } from './groups.ts';
import { shownId } from './shown-id.ts';

type Lying = Parameters<typeof deadLetterOf>[0];

const lying = (letter: BuriedLetter): Lying => ({ ...buriedMessage(letter), exchange: reviewerNames.exchange, routingKey: 'dead' });
const letterOf = (letter: BuriedLetter) => deadLetterOf(lying(letter), reviewerNames);

const lyingByHand = (body: string): Lying => ({ body: Buffer.from(body), headers: {}, exchange: '', routingKey: reviewerNames.dead });
const byHand = deadLetterOf(lyingByHand(''), reviewerNames);

suite('dead letters by cause', () => {
  const grouped = (...messages: readonly Lying[]) => {
    const grouping = new Grouping();
    for (const message of messages) grouping.add(deadLetterOf(message, reviewerNames), message);
    return grouping.groups();
  };

  test('are counted, with the first, the last, and an example: the last', () => {
    const groups = grouped(
      lying({ id: 'b', at: DEAD_AT + 2000, error: 'item 7 is odd' }),
      lying({ id: 'c', at: DEAD_AT + 3000, error: 'item 9 is odd' }),
      lying({ id: 'a', at: DEAD_AT + 1000, error: 'item 8 is odd' }),
      lying({ id: 'd', reason: 'Refused', error: 'no' }),
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

  test('have no time where none is known, and an example named after its body where it has no id', () => {
    const { reason, error, fingerprint } = byHand;
    const groups = grouped(lyingByHand('a'), lyingByHand('b'));
    assert.deepEqual(groups, [{ fingerprint, reason, count: 2, exampleId: shownId(byHand, lyingByHand('a')), error }]);
    assert.match(groups[0]?.exampleId ?? '', /^unidentified-[0-9a-f]{12}$/);
    assert.notEqual(groups[0]?.exampleId, shownId(byHand, lyingByHand('b')));
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
