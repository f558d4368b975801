import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deadRecord } from '../../test/support/dead-letter-stage.ts';
import type { EventRecord } from '../api/record.ts';
import { afterEnd, type End, endOf, endsOf, type FollowState, failurePercent, NOTHING_FOLLOWED } from './ends.ts';

const done = (outcome: 'done' | 'filtered' | 'stale') => deadRecord({ gen: 1, phase: 'done', result: { outcome, endedAt: 1 } });

suite('generation 1 of an event', () => {
  const rows: readonly (readonly [name: string, record: EventRecord | undefined, want: End | undefined])[] = [
    ['nobody has taken, and nothing is known of it', undefined, undefined],
    ['nobody has taken since it died', deadRecord(), undefined],
    ['is being run', deadRecord({ gen: 1, phase: 'running' }), undefined],
    ['waits for its next attempt', deadRecord({ gen: 1, phase: 'parked' }), undefined],
    ['is about to be given up', deadRecord({ gen: 1, phase: 'decided' }), undefined],
    ['is done', done('done'), 'succeeded'],
    ['is not wanted by the filter', done('filtered'), 'discarded'],
    ['was too old', done('stale'), 'discarded'],
    ['has died again', deadRecord({ gen: 1 }), 'deadAgain'],
    ['was redriven since', deadRecord({ gen: 2, phase: 'done' }), 'deadAgain'],
  ];
  for (const [name, record, want] of rows) test(name, () => assert.equal(endOf(record, 1), want));
});

/** The state after events have ended so, one letter each: s, d (discarded), x (died again). */
function after(letters: string): FollowState {
  const ends: Readonly<Record<string, End>> = { s: 'succeeded', d: 'discarded', x: 'deadAgain' };
  return [...letters].reduce(
    (state, letter, index) => afterEnd(state, { event: String(index), gen: 1 }, ends[letter] ?? 'succeeded'),
    NOTHING_FOLLOWED,
  );
}

test('the rate of failures is that of the last twenty that ended, and of at least ten', () => {
  assert.equal(failurePercent(after('x'.repeat(9))), undefined);
  assert.equal(failurePercent(after('x'.repeat(10))), 100);
  assert.equal(failurePercent(after('xxxxxsssdd')), 50);
  assert.equal(failurePercent(after(`${'x'.repeat(30)}${'s'.repeat(15)}`)), 25);
});

test('what has ended is not under way any more, and is counted by how it ended', () => {
  const events = ['a', 'b'].map((event) => ({ event, gen: 1 }));
  const state = afterEnd({ ...NOTHING_FOLLOWED, underWay: events }, { event: 'a', gen: 1 }, 'succeeded');
  assert.deepEqual(endsOf(state), { succeeded: 1, discarded: 0, deadAgain: 0, underWay: 1 });
});
