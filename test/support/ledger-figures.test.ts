import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Books, figuresOf, figuresTable } from './ledger-figures.ts';

const books: Books = {
  scenario: 'a scenario',
  on: 'RabbitMQ 4.3',
  sent: new Set(['a', 'b', 'c', 'd']),
  accepted: new Set(['a', 'b', 'c']),
  outputs: ['/one', '/two'],
  effects: ['a', 'b'].flatMap((event) => [
    { output: '/one', event },
    { output: '/two', event },
  ]),
  replayed: 0,
  dead: new Set(['c']),
  discarded: new Set(),
  bought: ['a', 'b', 'c'],
};

test('books that are in order', () => {
  const { lost, doubled, done, dead, boughtAgain, sent, accepted } = figuresOf(books);
  assert.deepEqual(
    { lost, doubled, done, dead, boughtAgain, sent, accepted },
    { lost: 0, doubled: 0, done: 2, dead: 1, boughtAgain: 0, sent: 4, accepted: 3 },
  );
});

const wrong: readonly (readonly [string, Partial<Books>, Partial<ReturnType<typeof figuresOf>>])[] = [
  ['an event without an end is lost', { dead: new Set() }, { lost: 1, lostEvents: ['c'] }],
  [
    'an event is done when all its outputs had their effect, and not before',
    { effects: books.effects.slice(1) },
    { done: 1, lost: 1, lostEvents: ['a'] },
  ],
  [
    'an effect that was had again is doubled, once for each time',
    { effects: [...books.effects, ...books.effects.slice(0, 1), ...books.effects.slice(0, 1)] },
    { doubled: 2, doubledEffects: ['/one a', '/one a'] },
  ],
  ['what a rule discards is not lost', { dead: new Set(), discarded: new Set(['c']) }, { lost: 0, discarded: 1 }],
  [
    'what was never accepted cannot be lost, and may be done',
    { effects: [...books.effects, ...['/one', '/two'].map((output) => ({ output, event: 'd' }))] },
    { done: 3, lost: 0 },
  ],
  ['a second call of an event was bought again', { bought: ['a', 'a', 'b', 'a'] }, { boughtAgain: 2 }],
];

for (const [name, change, figures] of wrong)
  test(name, () => {
    const found = figuresOf({ ...books, ...change });
    assert.deepEqual(Object.fromEntries(Object.keys(figures).map((key) => [key, found[key as keyof typeof found]])), figures);
  });

test('a table has a line for each scenario', () => {
  assert.match(
    figuresTable([figuresOf(books)]),
    /^\| scenario \| on .*\n\|( --- \|)+\n\| a scenario \| RabbitMQ 4\.3 \| 4 \| 3 \| 2 \| 1 \| 0 \| 0 \| 0 \| 0 \| 0 \|$/,
  );
});
