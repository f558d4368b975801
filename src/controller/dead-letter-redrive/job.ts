import { CONFIGURATION_KEY, configMapName, labelsFor, redriveJobName } from '../../api/kube-names.ts';
import { redriveExitCodes } from '../../api/redrive-progress.ts';
import type { KubeObject } from '../../kube/resources.ts';
import { ownerOf } from '../event-agent/desired.ts';
import type { StoredEventAgent } from '../event-agent/resource.ts';
import type { PodDefaults } from '../operator.ts';
import { configurationMapFor } from '../pods/deployment.ts';
import { podFailurePolicyFor } from '../pods/pod-failure-policy.ts';
import { placementOf, podTemplateFor } from '../pods/pod-template.ts';
import type { StoredDeadLetterRedrive } from './resource.ts';

/** Between two events it stops at once; an event under way has 30 s to be confirmed. */
const GRACE_SECONDS = 45;

/** So often a pod that could not go on is followed by another one, with growing pauses of up to six minutes. */
const TRIES = 6;

/** What a redrive becomes in Kubernetes. */
export interface RedriveObjects {
  readonly configuration: KubeObject;
  readonly job: KubeObject;
}

/** The ConfigMap and the Job of a redrive. Its pod runs where the agent's pods run, and lends their connections. `configuration` is its JSON. Pure. */
export function redriveObjectsFor(
  redrive: StoredDeadLetterRedrive,
  agent: StoredEventAgent,
  configuration: string,
  pods: PodDefaults,
): RedriveObjects {
  const { namespace, name, uid = '' } = redrive.metadata;
  const owner = ownerOf(redrive);
  const labels = labelsFor('redrive', { agent: agent.metadata.name, redrive: name });
  const jobName = redriveJobName(name, uid);
  const configurationName = configMapName(jobName, configuration);
  const template = podTemplateFor({
    component: 'redrive',
    image: pods.image,
    imagePullPolicy: pods.imagePullPolicy,
    labels,
    configuration: configurationName,
    secrets: [],
    secretsAreOptional: false,
    brokerSecret: agent.spec.connectionSecrets.broker,
    storeSecret: agent.spec.connectionSecrets.store,
    template: {
      ...placementOf({ ...pods.runner, ...agent.spec.podTemplate }),
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    },
    terminationGracePeriodSeconds: GRACE_SECONDS,
    restartPolicy: 'Never',
  });
  return {
    configuration: configurationMapFor({ name: configurationName, namespace, labels, data: { [CONFIGURATION_KEY]: configuration }, owner }),
    job: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: jobName, namespace, labels, ownerReferences: [owner] },
      spec: { backoffLimit: TRIES, podFailurePolicy: podFailurePolicyFor('redrive', redriveExitCodes), template },
    },
  };
}
