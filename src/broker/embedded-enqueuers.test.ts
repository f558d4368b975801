import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Enqueuers } from './embedded-enqueuers.ts';

test('without a limit everybody is admitted', () => {
  const enqueuers = new Enqueuers(undefined);
  enqueuers.update(1_000_000);
  assert.equal(enqueuers.admits({}, 1_000_000), true);
});

test('who publishes into a queue that is too long is kept out until four fifths of the limit', () => {
  const enqueuers = new Enqueuers(5);
  const publisher = {};
  const at = (length: number) => {
    enqueuers.update(length);
    return enqueuers.admits(publisher, length);
  };
  assert.deepEqual([at(0), at(5), at(6), at(5), at(4), at(5), at(6)], [true, true, false, false, true, true, false]);
});

test('who comes new is let in while the queue is not too long, also where others are kept out', () => {
  const enqueuers = new Enqueuers(5);
  const [early, late, latest] = [{}, {}, {}];
  enqueuers.admits(early, 5);
  enqueuers.update(6);
  enqueuers.update(5);
  assert.deepEqual([enqueuers.admits(early, 5), enqueuers.admits(late, 5), enqueuers.admits(undefined, 5)], [false, true, true]);
  enqueuers.update(6);
  assert.deepEqual([enqueuers.admits(late, 6), enqueuers.admits(latest, 6), enqueuers.admits(undefined, 6)], [false, false, false]);
  enqueuers.forget(early);
  assert.equal(enqueuers.admits(early, 5), true);
});
