import type { KubeClient } from '../../kube/client.ts';
import type { PodView } from '../../kube/pod-trouble.ts';
import { type ObjectHead, resources } from '../../kube/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { persistently } from './persistent.ts';

/** What is looked at with. */
export interface JobPorts {
  readonly kube: Pick<KubeClient, 'get' | 'list' | 'log'>;
  readonly clock: Clock;
}

/** Which Job. */
export interface JobRef {
  readonly namespace: string;
  readonly name: string;
}

/** The pod of a Job of ours. */
export type JobPod = ObjectHead & PodView & { readonly status?: { readonly reason?: string; readonly message?: string } };

/** What its one container has come to. */
export type PodStage =
  | { readonly is: 'waiting' }
  | { readonly is: 'running' }
  /** `why`: as far as Kubernetes tells. */
  | { readonly is: 'over'; readonly why: string };

/** The pod of a Job as it is now, if there is one. */
export async function podOf({ kube, clock }: JobPorts, { namespace, name }: JobRef, signal: AbortSignal): Promise<JobPod | undefined> {
  const options = { namespace, labelSelector: `batch.kubernetes.io/job-name=${name}` };
  const { items } = await persistently(clock, signal, () => kube.list<JobPod>(resources.pods, options, signal));
  return items[0];
}

/** How far a pod is. */
export function stageOf({ metadata, status }: JobPod): PodStage {
  const [container] = status?.containerStatuses ?? [];
  const ended = container?.state?.terminated;
  if (status?.reason !== undefined && status.phase === 'Failed')
    return { is: 'over', why: `pod ${metadata.name} was ended (${[status.reason, status.message].filter(Boolean).join(': ')})` };
  if (ended !== undefined)
    return {
      is: 'over',
      why: `the process of pod ${metadata.name} ended with ${ended.reason ?? 'no reason'}, exit code ${ended.exitCode ?? '?'}`,
    };
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return { is: 'over', why: `pod ${metadata.name} has ended` };
  return container?.state?.running === undefined ? { is: 'waiting' } : { is: 'running' };
}

/** The first says so once its pods have ended, the second while they are ended. https://kubernetes.io/docs/concepts/workloads/controllers/job/#termination-of-job-pods */
const FAILED: readonly string[] = ['Failed', 'FailureTarget'];

/** Why a Job has failed, as far as it says so itself. */
export async function failureOf({ kube, clock }: JobPorts, { namespace, name }: JobRef, signal: AbortSignal): Promise<string | undefined> {
  const job = await persistently(clock, signal, () => kube.get<StoredJob>(resources.jobs, namespace, name, signal));
  if (job === undefined) return 'the Job was deleted';
  const failed = job.status?.conditions?.find(({ type, status }) => FAILED.includes(type) && status === 'True');
  return failed === undefined ? undefined : (failed.message ?? failed.reason);
}

type StoredJob = ObjectHead & {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
};
