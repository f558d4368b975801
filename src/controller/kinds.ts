import { MANAGED_SELECTOR } from '../api/kube-names.ts';
import type { KubeClient } from '../kube/client.ts';
import { Reflector } from '../kube/reflector.ts';
import { type ObjectHead, type Resource, resources } from '../kube/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { CachedCronJob, CachedJob, StoredAgentSchedule } from './agent-schedule/resource.ts';
import type { StoredDeadLetterRedrive } from './dead-letter-redrive/resource.ts';
import type { StoredEventAgent } from './event-agent/resource.ts';
import type { Cache, CachedConfigMap, CachedDeployment, CachedPod, CachedReplicaSet, CachedService } from './operator.ts';

/** What the reflectors need. */
export interface WatchParts {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  /** Empty for all. */
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The objects of one kind in all namespaces that are watched. */
export class Watched<T extends ObjectHead> implements Cache<T> {
  readonly #reflectors: ReadonlyMap<string | undefined, Reflector<T>>;

  /** Begins at once. Of other kinds than our own only what the operator made is watched. */
  constructor(resource: Resource, parts: WatchParts, keep?: (object: T) => T) {
    const { client, namespaces, clock, log } = parts;
    const isOurKind = resource.group === resources.eventAgents.group;
    const scopes = namespaces.length === 0 ? [undefined] : namespaces;
    this.#reflectors = new Map(
      scopes.map((namespace) => [
        namespace,
        new Reflector<T>({
          client,
          resource,
          selection: { ...(namespace === undefined ? {} : { namespace }), ...(isOurKind ? {} : { labelSelector: MANAGED_SELECTOR }) },
          clock,
          log,
          ...(keep === undefined ? {} : { keep }),
        }),
      ]),
    );
  }

  /** Resolves after the first whole list. */
  async synced(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.synced));
  }

  get(namespace: string, name: string): T | undefined {
    return this.#of(namespace)?.get(namespace, name);
  }

  list(namespace: string): readonly T[] {
    return this.#of(namespace)?.list(namespace) ?? [];
  }

  all(): readonly T[] {
    return [...this.#reflectors.values()].flatMap((reflector) => reflector.list());
  }

  onChange(listener: (now: T | undefined, before: T | undefined) => void): void {
    for (const reflector of this.#reflectors.values()) reflector.onChange((_key, now, before) => listener(now, before));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.close()));
  }

  #of(namespace: string): Reflector<T> | undefined {
    return this.#reflectors.get(undefined) ?? this.#reflectors.get(namespace);
  }
}

/** Everything that the operator watches. */
export function watchedKinds(parts: WatchParts) {
  return {
    eventAgents: new Watched<StoredEventAgent>(resources.eventAgents, parts),
    deployments: new Watched<CachedDeployment>(resources.deployments, parts),
    replicaSets: new Watched<CachedReplicaSet>(resources.replicaSets, parts, leanReplicaSet),
    configMaps: new Watched<CachedConfigMap>(resources.configMaps, parts),
    pods: new Watched<CachedPod>(resources.pods, parts, leanPod),
    services: new Watched<CachedService>(resources.services, parts),
    podDisruptionBudgets: new Watched<ObjectHead>(resources.podDisruptionBudgets, parts),
    agentSchedules: new Watched<StoredAgentSchedule>(resources.agentSchedules, parts),
    deadLetterRedrives: new Watched<StoredDeadLetterRedrive>(resources.deadLetterRedrives, parts),
    cronJobs: new Watched<CachedCronJob>(resources.cronJobs, parts),
    jobs: new Watched<CachedJob>(resources.jobs, parts),
  };
}

/** Of a pod only what says how it fares. */
function leanPod({ apiVersion, kind, metadata, spec, status }: CachedPod): CachedPod {
  const volumes = spec?.volumes;
  return {
    apiVersion,
    kind,
    metadata,
    ...(volumes === undefined ? {} : { spec: { volumes } }),
    ...(status === undefined ? {} : { status }),
  };
}

/** Of a ReplicaSet only which configuration it names. */
function leanReplicaSet({ apiVersion, kind, metadata, spec }: CachedReplicaSet): CachedReplicaSet {
  const annotations = spec?.template?.metadata?.annotations;
  return { apiVersion, kind, metadata, ...(annotations === undefined ? {} : { spec: { template: { metadata: { annotations } } } }) };
}
