/** A kind of object as the API server serves it. `group` is empty for the core API. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

/** Who an object belongs to; it is collected with its owner. Owner and object are in one namespace. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ What comes from the API server has at least a name, a uid and a resourceVersion. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp?: string;
  /** RFC 3339; set while the object waits for its finalizers. */
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

/** What every object has, whatever else it is made of. */
export interface ObjectHead {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** An object with fields that nobody has given a type. */
export interface KubeObject extends ObjectHead {
  readonly [field: string]: unknown;
}

const ours = { group: 'eventagent.dev', version: 'v1alpha1' } as const;
const core = { group: '', version: 'v1' } as const;

/** The kinds that we read or write. */
export const resources = {
  eventAgents: { ...ours, plural: 'eventagents', kind: 'EventAgent' },
  agentSchedules: { ...ours, plural: 'agentschedules', kind: 'AgentSchedule' },
  deadLetterRedrives: { ...ours, plural: 'deadletterredrives', kind: 'DeadLetterRedrive' },
  namespaces: { ...core, plural: 'namespaces', kind: 'Namespace' },
  configMaps: { ...core, plural: 'configmaps', kind: 'ConfigMap' },
  pods: { ...core, plural: 'pods', kind: 'Pod' },
  services: { ...core, plural: 'services', kind: 'Service' },
  deployments: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment' },
  replicaSets: { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet' },
  cronJobs: { group: 'batch', version: 'v1', plural: 'cronjobs', kind: 'CronJob' },
  jobs: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job' },
  podDisruptionBudgets: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' },
  events: { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' },
} as const satisfies Readonly<Record<string, Resource>>;

/** `apiVersion` as objects of the resource carry it. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Where the API server has a resource: all of it, that of a namespace, or one object, or a part of that. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const segments = [
    ...(resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version]),
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** An object's key within its resource: `namespace/name`, or `name` where it has no namespace. */
export function keyOf({ metadata: { namespace, name } }: ObjectHead): string {
  return objectKey(namespace, name);
}

/** The key of the object of this namespace and name. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Namespace and name of a key: names hold no slash. */
export function parseKey(key: string): { readonly namespace: string | undefined; readonly name: string } {
  const cut = key.indexOf('/');
  return cut < 0 ? { namespace: undefined, name: key } : { namespace: key.slice(0, cut), name: key.slice(cut + 1) };
}
