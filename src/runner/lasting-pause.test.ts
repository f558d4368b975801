import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { LastingPause } from './lasting-pause.ts';

test('lasting pause: pauses that follow each other are one, and one that comes later is another', () => {
  const clock = createManualClock(0);
  const noted: (readonly [from: number, until: number])[] = [];
  const pause = new LastingPause({ clock, notePause: (from, until) => noted.push([from, until]), gapMs: 5 });
  assert.ok(pause.leftMs < 0);
  pause.forMs(100);
  assert.equal(pause.leftMs, 100);
  clock.advance(50);
  pause.forMs(20);
  clock.advance(55);
  pause.forMs(100);
  clock.advance(106);
  pause.forMs(10);
  assert.deepEqual(noted, [
    [0, 100],
    [0, 100],
    [0, 205],
    [211, 221],
  ]);
});
