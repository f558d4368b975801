import type { PodTemplate } from '../api/generated/event-agent.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { PodView } from '../kube/pod-trouble.ts';
import type { ObjectHead } from '../kube/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { CachedCronJob, CachedJob, StoredAgentSchedule } from './agent-schedule/resource.ts';
import type { BrokerWatch } from './broker/broker-watch.ts';
import type { StoredDeadLetterRedrive } from './dead-letter-redrive/resource.ts';
import type { NamespaceViews } from './event-agent/namespace-views.ts';
import type { StoredEventAgent } from './event-agent/resource.ts';
import type { GatewayStates } from './gateway/gateway-states.ts';
import type { Applier } from './owned.ts';
import type { DeploymentView } from './pods/rollout.ts';

/** Objects of one kind as they were last seen, in all namespaces that are watched. */
export interface Cache<T extends ObjectHead> {
  get(namespace: string, name: string): T | undefined;
  list(namespace: string): readonly T[];
}

/** A pod as it is cached. */
export type CachedPod = ObjectHead & PodView;

/** A Deployment as it is cached. */
export type CachedDeployment = ObjectHead &
  DeploymentView & {
    readonly spec?: { readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } } };
  };

/** A ConfigMap as it is cached. */
export type CachedConfigMap = ObjectHead & { readonly data?: Readonly<Record<string, string>> };

/** A Service as it is cached. */
export type CachedService = ObjectHead & {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>>; readonly ports?: readonly { readonly port: number }[] };
};

/** A ReplicaSet as it is cached. */
export type CachedReplicaSet = ObjectHead & {
  readonly spec?: { readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } } };
};

/** Everything that is watched: our own kinds, and what the operator made. */
export interface Caches {
  readonly eventAgents: Cache<StoredEventAgent>;
  readonly deployments: Cache<CachedDeployment>;
  readonly replicaSets: Cache<CachedReplicaSet>;
  readonly configMaps: Cache<CachedConfigMap>;
  readonly pods: Cache<CachedPod>;
  readonly services: Cache<CachedService>;
  readonly podDisruptionBudgets: Cache<ObjectHead>;
  readonly agentSchedules: Cache<StoredAgentSchedule>;
  readonly deadLetterRedrives: Cache<StoredDeadLetterRedrive>;
  readonly cronJobs: Cache<CachedCronJob>;
  readonly jobs: Cache<CachedJob>;
}

/** What the operator's pods are made from, unless a resource says otherwise. */
export interface PodDefaults {
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly gatewayReplicas: number;
  readonly runner: PodTemplate;
  readonly gateway: PodTemplate;
}

/** What reconcilers share. */
export interface Operator {
  readonly kube: KubeClient;
  readonly applier: Applier;
  readonly caches: Caches;
  readonly brokers: ReadonlyMap<string, BrokerWatch>;
  readonly views: NamespaceViews;
  readonly gateways: GatewayStates;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Prefix of all names on the brokers. */
  readonly prefix: string;
  readonly pods: PodDefaults;
  /** More agents than this are too many for one event type. */
  readonly fanOutAbove: number;
}

/** What a reconciler says when it is done: when to look again, in milliseconds. Without it the resync is soon enough. */
export interface Reconciled {
  readonly afterMs?: number;
  /** What is left can wait until no other object is due. */
  readonly behind?: boolean;
  /** There is nothing to look after any more. */
  readonly gone?: boolean;
}
