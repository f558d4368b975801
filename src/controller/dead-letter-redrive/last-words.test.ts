import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { CachedJob } from '../agent-schedule/resource.ts';
import type { CachedPod } from '../operator.ts';
import { lastWordsOf } from './last-words.ts';

const counts = (redriven: number) => ({ depth: 10, redriven, superseded: 0, copies: 0, withOpenIntents: 0 });
const complete = { counts: counts(8), outcome: 'complete' } as const;
const spoilt = { counts: counts(5), outcome: 'failure-rate', message: '60% died again' } as const;
/** What a pod that was told to stop leaves: how far it is. */
const stopped = { counts: counts(3) };
const unreachable = (what: string) => ({ reason: 'StoreUnreachable', message: what });

function job(type: 'Complete' | 'Failed' | 'none', failed: number, reason?: string): CachedJob {
  const conditions = type === 'none' ? [] : [{ type, status: 'True', ...(reason === undefined ? {} : { reason }) }];
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'ns', uid: 'u' }, status: { failed, conditions } };
}

/** The pods of a Job as they are known, in the order in which they were made. */
function pods(
  ...known: readonly (readonly [exitCode: number, said?: object, disrupted?: 'disrupted'] | 'running')[]
): readonly CachedPod[] {
  return known.map((end, index) => {
    const head = { apiVersion: 'v1', kind: 'Pod' };
    const metadata = { name: `p${index}`, namespace: 'ns', creationTimestamp: `2026-01-01T00:0${index}:00Z` };
    if (end === 'running')
      return { ...head, metadata, status: { phase: 'Running', containerStatuses: [{ name: 'redrive', state: { running: {} } }] } };
    const [exitCode, said, disrupted] = end;
    const terminated = { exitCode, ...(said === undefined ? {} : { message: JSON.stringify(said) }) };
    return {
      ...head,
      metadata,
      status: {
        phase: exitCode === 0 ? 'Succeeded' : 'Failed',
        conditions: disrupted === undefined ? [] : [{ type: 'DisruptionTarget', status: 'True' }],
        containerStatuses: [{ name: 'redrive', state: { terminated } }],
      },
    };
  });
}

const words = (said: object) => ({ words: JSON.stringify(said) });
const first = [1, unreachable('the first')] as const;
const second = [1, unreachable('the second')] as const;

suite('the last words of a Job', () => {
  const rows: readonly (readonly [name: string, job: CachedJob, pods: readonly CachedPod[], said: ReturnType<typeof lastWordsOf>])[] = [
    ['has not ended: none', job('none', 1), pods(first), undefined],
    ['is complete, and so is its pod', job('Complete', 0), pods([0, complete]), { progress: complete }],
    ['is complete, by its second pod', job('Complete', 1), pods(first, [0, complete]), { progress: complete }],
    ['is complete, and of its second pod nothing is known yet', job('Complete', 1), pods(first), undefined],
    ['is complete, and of its second pod the end is not known yet', job('Complete', 1), pods(first, 'running'), undefined],
    [
      'is complete, and of its second pod nothing is known yet; the first was told to stop',
      job('Complete', 0),
      pods([143, stopped]),
      undefined,
    ],
    ['is complete, and its pod has left no word', job('Complete', 0), pods([0]), undefined],
    ['has failed by its first pod', job('Failed', 1, 'PodFailurePolicy'), pods([10, spoilt]), { progress: spoilt }],
    ['has failed by its second pod', job('Failed', 2, 'PodFailurePolicy'), pods(first, [10, spoilt]), { progress: spoilt }],
    ['has failed by its second pod, of which nothing is known yet', job('Failed', 2, 'PodFailurePolicy'), pods(first), undefined],
    [
      'has failed by its second pod, of which nothing is known yet; the first was evicted',
      job('Failed', 1, 'PodFailurePolicy'),
      pods([1, unreachable('the first'), 'disrupted']),
      undefined,
    ],
    ['has had its tries', job('Failed', 2, 'BackoffLimitExceeded'), pods(first, second), words(second[1])],
    [
      'has had its tries, whatever order they are listed in',
      job('Failed', 2, 'BackoffLimitExceeded'),
      pods(first, second).toReversed(),
      words(second[1]),
    ],
    ['has had its tries, and of the last nothing is known yet', job('Failed', 2, 'BackoffLimitExceeded'), pods(first), undefined],
    [
      'has had its tries, and of the last nothing is known yet; one before was evicted',
      job('Failed', 2, 'BackoffLimitExceeded'),
      pods(first, [143, stopped]),
      undefined,
    ],
    ['has had its tries, one pod was killed without a word', job('Failed', 2, 'BackoffLimitExceeded'), pods(first, [137]), undefined],
  ];
  for (const [name, of, known, said] of rows) test(`that ${name}`, () => assert.deepEqual(lastWordsOf(of, known), said));
});
