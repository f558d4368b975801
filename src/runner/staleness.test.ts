import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpausedMs } from './staleness.ts';

const cases: readonly [name: string, pauses: readonly [from: number, until: number][], want: number][] = [
  ['without pauses all of it counts', [], 100],
  ['a pause in between does not count', [[20, 50]], 70],
  [
    'overlapping pauses count once',
    [
      [20, 50],
      [40, 60],
      [30, 45],
    ],
    60,
  ],
  ['a pause that began before counts from the start', [[-50, 30]], 70],
  ['a pause that goes on counts to now', [[90, 500]], 90],
  ['a pause that has not begun counts not at all', [[150, 200]], 100],
  ['paused all the time', [[-10, 200]], 0],
  ['a pause that was over before counts not at all', [[-30, -10]], 100],
];

for (const [name, pauses, want] of cases) {
  test(`time of an event outside its agent's pauses: ${name}`, () => {
    assert.equal(
      unpausedMs(
        0,
        100,
        pauses.map(([from, until]) => ({ from, until })),
      ),
      want,
    );
  });
}
