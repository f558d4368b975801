import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { LetterGroup } from '../../dead-letters/groups.ts';
import { parseReviewReport, type ReviewFinding, reviewReport } from '../../dead-letters/review-report.ts';
import { InputError } from '../../lib/errors.ts';
import { reviewLines } from './review-pages.ts';

const MONDAY = Date.UTC(2026, 0, 5);
const NEXT_MONDAY = Date.UTC(2026, 0, 12);

const group = (fingerprint: string, count: number): LetterGroup => ({
  fingerprint,
  reason: 'OutputRejected',
  count,
  firstAt: MONDAY - 1000,
  lastAt: MONDAY - 500,
  exampleId: `${fingerprint}-1`,
  error: `error of ${fingerprint}`,
});

const finding = (groups: readonly LetterGroup[], arrived: Readonly<Record<string, number>> = {}): ReviewFinding => ({
  agent: 'test/reviewer',
  letters: groups.reduce((sum, { count }) => sum + count, 0),
  unseen: 0,
  groups,
  arrived: new Map(Object.entries(arrived)),
});

const first = reviewReport([finding([group('aaa', 10), group('bbb', 4), group('ccc', 3), group('ddd', 2)])], MONDAY, undefined);

suite('a review', () => {
  test('without one before says what there is', () => {
    const [agent] = first.agents;
    assert.deepEqual(
      [first.generatedAt, first.since, agent?.agent, agent?.deadLetters],
      ['2026-01-05T00:00:00.000Z', undefined, 'test/reviewer', 19],
    );
    assert.deepEqual(agent?.groups[0], {
      fingerprint: 'aaa',
      reason: 'OutputRejected',
      count: 10,
      oldestAt: '2026-01-04T23:59:59.000Z',
      newestAt: '2026-01-04T23:59:59.500Z',
      exampleId: 'aaa-1',
      error: 'error of aaa',
    });
  });

  test('compares each cause with the one before', () => {
    const now = [group('aaa', 12), group('bbb', 1), group('ccc', 3), group('eee', 5)];
    const [agent] = reviewReport([finding(now, { aaa: 5, ccc: 2, eee: 5 })], NEXT_MONDAY, first).agents;
    assert.deepEqual(
      agent?.groups.map(({ fingerprint, count, since }) => [fingerprint, count, since?.arrived, since?.gone, since?.trend]),
      [
        ['aaa', 12, 5, 3, 'growing'],
        ['bbb', 1, 0, 3, 'shrinking'],
        ['ccc', 3, 2, 2, 'steady'],
        ['eee', 5, 5, 0, 'new'],
        ['ddd', 0, 0, 2, 'gone'],
      ],
    );
  });

  test('counts as arrived what is more than there was, where nobody knows when it died', () => {
    const [agent] = reviewReport([finding([group('aaa', 13)])], NEXT_MONDAY, first).agents;
    assert.deepEqual(agent?.groups[0]?.since, { arrived: 3, gone: 0, trend: 'growing' });
  });

  test('says once that a cause is gone', () => {
    const second = reviewReport([finding([])], NEXT_MONDAY, first);
    assert.equal(second.agents[0]?.groups.length, 4);
    assert.deepEqual(reviewReport([finding([])], NEXT_MONDAY + 1, second).agents[0]?.groups, []);
  });

  test('compares an agent that the one before does not have with nothing', () => {
    const other = { ...finding([group('aaa', 2)], { aaa: 2 }), agent: 'test/other' };
    assert.deepEqual(reviewReport([other], NEXT_MONDAY, first).agents[0]?.groups[0]?.since, { arrived: 2, gone: 0, trend: 'new' });
  });

  test('can be read again from its JSON, with all that is in it', () => {
    const second = reviewReport(
      [finding([group('aaa', 1), { fingerprint: 'x', reason: 'PutByHand', count: 1, exampleId: 'y', error: '' }])],
      NEXT_MONDAY,
      first,
    );
    for (const report of [first, second]) assert.deepEqual(parseReviewReport('f', reviewLines(report, 'json').join('\n')), report);
  });

  const wrong: readonly (readonly [name: string, json: string, says: RegExp])[] = [
    ['not JSON', 'no', /^last\.json: not JSON: it must be what/],
    ['another JSON', '{"a": 1}', /^last\.json: a: a field that this version does not know/],
    [
      'a count that is none',
      '{"generatedAt":"2026-01-05","agents":[{"agent":"a/b","deadLetters":-1,"groups":[]}]}',
      /agents\[0\]\.deadLetters: must be a whole number/,
    ],
    ['a time that is none', '{"generatedAt":"Monday","agents":[]}', /^last\.json: generatedAt: must be a time/],
  ];
  for (const [name, json, says] of wrong)
    test(`is refused where it is ${name}`, () =>
      assert.throws(
        () => parseReviewReport('last.json', json),
        (error) => error instanceof InputError && says.test(error.message),
      ));
});

suite('the pages of a review', () => {
  const report = reviewReport([finding([group('aaa', 12)], { aaa: 2 }), { ...finding([]), agent: 'test/idle' }], NEXT_MONDAY, first);

  test('are a table for people', () =>
    assert.deepEqual(reviewLines(report, 'text').slice(0, 4), [
      'Dead letters at 2026-01-12T00:00:00.000Z, compared with 2026-01-05T00:00:00.000Z',
      '',
      'test/reviewer: 12 dead letters',
      'FINGERPRINT  COUNT  ARRIVED  GONE  TREND    OLDEST                REASON          EXAMPLE  ERROR',
    ]));

  test('say how many were not seen', () => {
    const partial = reviewReport([{ ...finding([group('aaa', 1)]), unseen: 3 }], MONDAY, undefined);
    assert.equal(reviewLines(partial, 'text')[2], 'test/reviewer: 1 dead letter, and 3 not seen: somebody else looked at them');
    assert.deepEqual(parseReviewReport('f', reviewLines(partial, 'json').join('\n')), partial);
  });

  test('are a table of Markdown, in which no text from an event is a sign', () => {
    const odd = { ...group('aaa', 1), error: 'a | b\n# <script> [x](y) `z`', exampleId: '*' };
    const lines = reviewLines(reviewReport([finding([odd]), { ...finding([]), agent: 'test/idle' }], MONDAY, undefined), 'markdown');
    assert.deepEqual(lines, [
      '# Dead letters at 2026-01-05T00:00:00.000Z',
      '',
      '## test/reviewer: 1 dead letter',
      '',
      '| FINGERPRINT | COUNT | OLDEST | REASON | EXAMPLE | ERROR |',
      '| --- | --- | --- | --- | --- | --- |',
      '| aaa | 1 | 2026-01-04T23:59:59Z | OutputRejected | \\* | a \\| b\\\\u000a\\# \\<script\\> \\[x\\]\\(y\\) \\`z\\` |',
      '',
      '## test/idle: 0 dead letters',
      '',
      'None.',
    ]);
  });
});
