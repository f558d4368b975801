import { CONFIGURATION_KEY, configMapName, labelsFor, redriveJobName } from '../../api/kube-names.ts';
import { redriveExitCodes } from '../../api/redrive-progress.ts';
import { compileRedrive } from '../../compile/redrive.ts';
import type { KubeObject } from '../../kube/resources.ts';
import { ownerOf } from '../event-agent/desired.ts';
import type { StoredEventAgent } from '../event-agent/resource.ts';
import type { PodDefaults } from '../operator.ts';
import { configurationMapFor } from '../pods/deployment.ts';
import { jobPodTemplateFor, TRIES } from '../pods/job-pod.ts';
import { podFailurePolicyFor } from '../pods/pod-failure-policy.ts';
import type { StoredDeadLetterRedrive } from './resource.ts';

/** Between two events it stops at once; an event under way has 30 s to be confirmed. */
const GRACE_SECONDS = 45;

/** The ConfigMap with what the process of a redrive is told. Pure. */
export function redriveConfigurationFor(redrive: StoredDeadLetterRedrive, prefix: string): KubeObject {
  const { namespace, uid = '' } = redrive.metadata;
  const configuration = JSON.stringify(compileRedrive(redrive, { uid, prefix }));
  return configurationMapFor({
    name: configMapName(jobNameOf(redrive), configuration),
    namespace,
    labels: labelsOf(redrive),
    data: { [CONFIGURATION_KEY]: configuration },
    owner: ownerOf(redrive),
  });
}

/** The Job of a redrive. `configuration` is the name of its ConfigMap. Pure. */
export function redriveJobFor(
  redrive: StoredDeadLetterRedrive,
  agent: StoredEventAgent,
  configuration: string,
  pods: PodDefaults,
): KubeObject {
  const labels = labelsOf(redrive);
  const template = jobPodTemplateFor({
    component: 'redrive',
    labels,
    configuration,
    agent,
    pods,
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    terminationGracePeriodSeconds: GRACE_SECONDS,
  });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: jobNameOf(redrive), namespace: redrive.metadata.namespace, labels, ownerReferences: [ownerOf(redrive)] },
    spec: { backoffLimit: TRIES, podFailurePolicy: podFailurePolicyFor('redrive', redriveExitCodes), template },
  };
}

/** Another one for each redrive in each of its lives. */
export function jobNameOf({ metadata: { name, uid = '' } }: Pick<StoredDeadLetterRedrive, 'metadata'>): string {
  return redriveJobName(name, uid);
}

function labelsOf({ metadata, spec }: StoredDeadLetterRedrive): Readonly<Record<string, string>> {
  return labelsFor('redrive', { agent: spec.agentRef.name, redrive: metadata.name });
}
