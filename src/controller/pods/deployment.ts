import type { KubeObject, OwnerReference } from '../../kube/resources.ts';

/** What a Deployment of ours is told beside its pods. */
export interface DeploymentParts {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly template: Readonly<Record<string, unknown>>;
  readonly owner?: OwnerReference;
}

/** So many earlier configurations can be gone back to by `kubectl rollout undo`. */
const REVISIONS = 3;

/** A Deployment that takes old pods away only when new ones are ready. */
export function deploymentFor({ name, namespace, labels, selector, replicas, template, owner }: DeploymentParts): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels, ...(owner === undefined ? {} : { ownerReferences: [owner] }) },
    spec: {
      // Always stated: left out after it was applied once, it would be reset to 1.
      replicas,
      revisionHistoryLimit: REVISIONS,
      selector: { matchLabels: selector },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template,
    },
  };
}

/** An immutable ConfigMap with one configuration. */
export function configurationMapFor(parts: {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
  readonly owner?: OwnerReference;
}): KubeObject {
  const { name, namespace, labels, data, owner } = parts;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels, ...(owner === undefined ? {} : { ownerReferences: [owner] }) },
    immutable: true,
    data,
  };
}
