import type { JobVerdict } from '../../api/job-verdict.ts';
import type { Component } from '../../api/kube-names.ts';

/**
 * What a Job makes of the ends of its pods: an eviction is no failure, and a definite failure is not repeated. `codes`: each exit code of the process with what becomes of the Job.
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
 */
export function podFailurePolicyFor(
  component: Component,
  codes: Readonly<Record<number, { readonly job: JobVerdict }>>,
): Readonly<Record<string, unknown>> {
  const onExitCodes = (job: JobVerdict) => ({ containerName: component, operator: 'In', values: codesWhere(codes, job) });
  return {
    rules: [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { action: 'Ignore', onExitCodes: onExitCodes('Ignore') },
      { action: 'FailJob', onExitCodes: onExitCodes('Fail') },
    ],
  };
}

function codesWhere(codes: Readonly<Record<number, { readonly job: JobVerdict }>>, job: JobVerdict): readonly number[] {
  return Object.entries(codes)
    .filter(([, code]) => code.job === job)
    .map(([code]) => Number(code))
    .toSorted((a, b) => a - b);
}
