import { type EventView, type PodView, troubleOf } from '../../kube/pod-trouble.ts';
import { bad, good, type Verdict } from '../verdict.ts';

/** What of a Deployment is looked at here. */
export interface DeploymentView {
  readonly metadata: { readonly name: string; readonly generation?: number };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** What is known of the pods that a Deployment is rolling out. */
export interface RolloutView {
  readonly deployment: DeploymentView | undefined;
  /** Those of the current template. */
  readonly pods: readonly PodView[];
  /** A pod's events by its name, the newest first. */
  readonly events: ReadonlyMap<string, readonly EventView[]>;
  /** What a pod said of not being ready, by its name. */
  readonly unready: ReadonlyMap<string, string>;
}

/** Whether every pod is of the current template and available, and none of an earlier one is left. */
export function isRolledOut({ metadata, spec, status }: DeploymentView): boolean {
  const wanted = spec?.replicas ?? 1;
  return (
    status?.observedGeneration === metadata.generation &&
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) >= wanted
  );
}

/** How the pods of a Deployment stand. `what` names them in messages. */
export function rolloutVerdict({ deployment, pods, events, unready }: RolloutView, what: string): Verdict {
  if (deployment === undefined) return bad('RollingOut', `the Deployment of the ${what} is being made`);
  const { name } = deployment.metadata;
  const wanted = deployment.spec?.replicas ?? 1;
  if (isRolledOut(deployment)) {
    if (wanted === 0) return good('ScaledToZero', `Deployment ${name} has 0 replicas, as the spec says: events wait in the queue`);
    return good('Available', `${wanted} of ${wanted} pods of Deployment ${name} are at work`);
  }
  for (const pod of pods) {
    const trouble = troubleOf(pod, events.get(pod.metadata.name) ?? [], unready.get(pod.metadata.name));
    if (trouble !== undefined) return bad(trouble.reason, trouble.message);
  }
  const refused = deployment.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (refused !== undefined) return bad('PodsRefused', `Deployment ${name}: ${refused.message ?? 'its pods cannot be made'}`);
  const { updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  return bad(
    'RollingOut',
    `Deployment ${name}: ${updatedReplicas} of ${wanted} pods have the current template, ${availableReplicas} are at work`,
  );
}
