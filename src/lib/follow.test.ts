import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { follow } from './follow.ts';

test('a follower is aborted with the reason of the signal that it follows', () => {
  const [leader, follower] = [new AbortController(), new AbortController()];
  follow(leader.signal, follower);
  assert.equal(follower.signal.aborted, false);
  leader.abort('the reason');
  assert.equal(follower.signal.reason, 'the reason');
});

test('what is aborted already is followed at once', () => {
  const follower = new AbortController();
  follow(AbortSignal.abort('before'), follower);
  assert.equal(follower.signal.reason, 'before');
});

test('of several signals the first one decides', () => {
  const leaders = [new AbortController(), new AbortController()] as const;
  const follower = new AbortController();
  for (const { signal } of leaders) follow(signal, follower);
  leaders[1].abort('second');
  leaders[0].abort('first');
  assert.equal(follower.signal.reason, 'second');
});

test('who stops following is not aborted any more, and leaves nothing behind', () => {
  const [leader, follower] = [new AbortController(), new AbortController()];
  const end = follow(leader.signal, follower);
  end();
  end();
  assert.deepEqual(getEventListeners(leader.signal, 'abort'), []);
  leader.abort();
  assert.equal(follower.signal.aborted, false);
});
