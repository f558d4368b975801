import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndName } from '../../runner/witness.ts';
import { endingOf } from './ending.ts';

/** Whether it is due by now, and the exit code. */
async function endAfter(once: boolean, outcomes: readonly EndName[], isWanted = false): Promise<readonly [due: boolean, code: number]> {
  const wanted = new AbortController();
  const ending = endingOf(once, [wanted.signal]);
  for (const outcome of outcomes) ending.onRunEnd({ outcome });
  if (isWanted) wanted.abort(new Error('SIGTERM'));
  assert.equal(ending.stop.aborted, isWanted);
  const due = await Promise.race([ending.due.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);
  return [due, ending.code()];
}

const ends: readonly (readonly [
  name: string,
  once: boolean,
  outcomes: readonly EndName[],
  isWanted: boolean,
  due: boolean,
  code: number,
])[] = [
  ['goes on for ever', false, ['done', 'dead', 'filtered'], false, false, 0],
  ['ends well when somebody wants it', false, ['dead'], true, true, 0],
  ['once: waits for the first event', true, [], false, false, 1],
  ['once: ends well with a run that is done', true, ['done'], false, true, 0],
  ['once: the first one counts', true, ['done', 'dead'], false, true, 0],
  ['once: ends badly with a dead letter', true, ['dead', 'done'], false, true, 1],
  ['once: ends badly with a run that is to be retried', true, ['retried'], false, true, 1],
  ['once: ends badly with one that is handed back', true, ['handed_back'], false, true, 1],
  ['once: ends, and not well, with an event that the filter does not want', true, ['filtered'], false, true, 1],
  ['once: with a duplicate', true, ['duplicate'], false, true, 1],
  ['once: with one that is too old', true, ['stale'], false, true, 1],
  ['once: does not count what comes again by itself', true, ['waiting', 'interrupted'], false, false, 1],
  ['once: ends badly when somebody wants it before', true, [], true, true, 1],
  ['once: and well where the run that is under way is done nevertheless', true, ['done'], true, true, 0],
];
for (const [name, once, outcomes, isWanted, due, code] of ends)
  test(`dev ${name}`, async () => assert.deepEqual(await endAfter(once, outcomes, isWanted), [due, code]));
