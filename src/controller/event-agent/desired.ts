import type { SecretKeyRef } from '../../api/configuration.ts';
import type { EventAgent, PodTemplate } from '../../api/generated/event-agent.ts';
import { CONFIGURATION_KEY, configMapName, labelsFor, runnerName, selectorFor } from '../../api/kube-names.ts';
import type { Compiled } from '../../compile/compile.ts';
import type { KubeObject, OwnerReference } from '../../kube/resources.ts';
import type { PodDefaults } from '../operator.ts';
import { configurationMapFor, deploymentFor } from '../pods/deployment.ts';
import { podTemplateFor } from '../pods/pod-template.ts';
import { SPEC_KEY } from './namespace-views.ts';
import type { StoredEventAgent } from './resource.ts';

/** A runner needs this long to finish a step, hand back what it holds, and go. */
const GRACE_SECONDS = 90;

/** What an accepted agent becomes in Kubernetes. */
export interface RunnerObjects {
  readonly configuration: KubeObject;
  readonly deployment: KubeObject;
}

/** The ConfigMap and the Deployment of an agent's runner. Pure. */
export function runnerObjectsFor(agent: StoredEventAgent, compiled: Compiled, pods: PodDefaults): RunnerObjects {
  const { namespace, name } = agent.metadata;
  const owner = ownerOf(agent);
  const labels = labelsFor('runner', { agent: name });
  const data = { [CONFIGURATION_KEY]: JSON.stringify(compiled.runner), [SPEC_KEY]: JSON.stringify(withoutPods(agent.spec)) };
  const base = runnerName({ name });
  const configuration = configMapName(base, JSON.stringify(data));
  const template = podTemplateFor({
    component: 'runner',
    image: pods.image,
    imagePullPolicy: pods.imagePullPolicy,
    labels,
    configuration,
    secrets: runnerSecrets(agent),
    secretsAreOptional: false,
    brokerSecret: agent.spec.connectionSecrets.broker,
    storeSecret: agent.spec.connectionSecrets.store,
    template: mergedTemplate(pods.runner, agent.spec.podTemplate),
    terminationGracePeriodSeconds: GRACE_SECONDS,
    restartPolicy: 'Always',
  });
  return {
    configuration: configurationMapFor({ name: configuration, namespace, labels, data, owner }),
    deployment: deploymentFor({
      name: base,
      namespace,
      labels,
      selector: selectorFor('runner', name),
      replicas: agent.spec.replicas,
      template,
      owner,
    }),
  };
}

/** What of a spec makes another configuration: not how many pods there are and where, nor what becomes of the queues at the end. */
function withoutPods({
  replicas: _replicas,
  podTemplate: _podTemplate,
  deletionPolicy: _policy,
  ...spec
}: StoredEventAgent['spec']): object {
  return spec;
}

/** The Secrets that a runner reads: the model's key, those of its outputs, and those that encrypt its records. */
export function runnerSecrets({ spec }: Pick<EventAgent, 'spec'>): readonly SecretKeyRef[] {
  return [
    spec.agent.apiKeySecretRef,
    ...(spec.outputs ?? []).flatMap(({ http }) => (http.headersFrom ?? []).map(({ secretKeyRef }) => secretKeyRef)),
    ...(spec.checkpoints?.encryptionKeyRefs ?? []),
  ];
}

/** The agent's own wishes over the operator's, field by field; environment variables are joined. */
export function mergedTemplate(defaults: PodTemplate, own: PodTemplate = {}): PodTemplate {
  const env = [...(defaults.env ?? []).filter(({ name }) => !own.env?.some((variable) => variable.name === name)), ...(own.env ?? [])];
  const annotations = { ...defaults.annotations, ...own.annotations };
  return { ...defaults, ...own, ...(env.length === 0 ? {} : { env }), annotations };
}

/** Makes an object go with its agent. */
export function ownerOf({
  apiVersion,
  kind,
  metadata,
}: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid?: string };
}): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true };
}
