import type { JobVerdict } from '../../api/job-verdict.ts';
import type { Component } from '../../api/kube-names.ts';
import { parseRedriveProgress, type RedriveProgress, redriveExitCodes } from '../../api/redrive-progress.ts';
import { InputError } from '../../lib/errors.ts';
import type { CachedJob } from '../agent-schedule/resource.ts';
import { endConditionOf } from '../agent-schedule/runs.ts';
import type { CachedPod } from '../operator.ts';
import { byAge } from '../pods/by-age.ts';

const CONTAINER = 'redrive' satisfies Component;

/** How a redrive ended, or, in words, why its last pod could not go on. */
export type LastWords = { readonly progress: RedriveProgress } | { readonly words: string };

/**
 * What the pod that ended a Job has said. `undefined` while the Job has not ended, and while that pod, or its end, is not known: Jobs and pods are followed apart, a Job can be known to
 * be over before its last pod is known at all, and what an earlier one has said is not how it ended. Pure.
 */
export function lastWordsOf(job: CachedJob, pods: readonly CachedPod[]): LastWords | undefined {
  const over = endConditionOf(job);
  if (over === undefined) return undefined;
  const ended = pods.toSorted(byAge).flatMap((pod) => endOf(pod) ?? []);
  const isCause = {
    Complete: ({ verdict }: PodEnd) => verdict === 'Complete',
    // https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
    PodFailurePolicy: ({ verdict }: PodEnd) => verdict === 'Fail',
    another: ({ verdict }: PodEnd) => verdict === 'Retry',
  }[over.type === 'Complete' ? 'Complete' : over.reason === 'PodFailurePolicy' ? 'PodFailurePolicy' : 'another'];
  const causes = ended.filter(isCause);
  // One success or definite failure is the end; of the other failures it is the last, so that all must be known.
  if (over.type === 'Failed' && over.reason !== 'PodFailurePolicy' && causes.length < (job.status?.failed ?? 0)) return undefined;
  const said = causes.at(-1)?.message;
  if (said === undefined) return undefined;
  const progress = progressIn(said);
  return progress === undefined ? { words: said.trim() } : { progress };
}

/** Reads how far a redrive is; `undefined` where it says something else: it has not begun, or is of another version. */
export function progressIn(text: string): RedriveProgress | undefined {
  try {
    return parseRedriveProgress(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return undefined;
  }
}

/** How a pod has ended, and what the Job makes of that. */
interface PodEnd {
  readonly verdict: JobVerdict;
  readonly message?: string;
}

function endOf({ status }: CachedPod): PodEnd | undefined {
  const terminated = status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state?.terminated;
  if (terminated === undefined) return undefined;
  const { exitCode = 0, message } = terminated;
  const isDisrupted = status?.conditions?.some(({ type, status: value }) => type === 'DisruptionTarget' && value === 'True') ?? false;
  const known: Readonly<Record<number, { readonly job: JobVerdict }>> = redriveExitCodes;
  const verdict = isDisrupted && exitCode !== 0 ? 'Ignore' : (known[exitCode]?.job ?? 'Retry');
  return { verdict, ...(message === undefined ? {} : { message }) };
}
