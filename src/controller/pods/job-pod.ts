import type { ResourceRequirements } from '../../api/generated/event-agent.ts';
import type { StoredEventAgent } from '../event-agent/resource.ts';
import type { PodDefaults } from '../operator.ts';
import { type EnvVar, type PodParts, placementOf, podTemplateFor } from './pod-template.ts';

/** So often a pod of a Job that could not go on is followed by another one, with growing pauses of up to six minutes. */
export const TRIES = 6;

/** What the pod of a Job is made of. */
export interface JobPodParts extends Pick<PodParts, 'labels' | 'configuration' | 'terminationGracePeriodSeconds'> {
  readonly component: 'tick' | 'redrive';
  /** The agent whose connections it lends. */
  readonly agent: StoredEventAgent;
  readonly pods: PodDefaults;
  readonly resources: ResourceRequirements;
  readonly env?: readonly EnvVar[];
}

/** The pod template of a Job that works for an agent: it runs where the agent's pods run, and reads none of their Secrets but those of its connections. Pure. */
export function jobPodTemplateFor({ agent, pods, resources, ...parts }: JobPodParts): Readonly<Record<string, unknown>> {
  const { connectionSecrets, podTemplate } = agent.spec;
  return podTemplateFor({
    ...parts,
    image: pods.image,
    imagePullPolicy: pods.imagePullPolicy,
    secrets: [],
    secretsAreOptional: false,
    brokerSecret: connectionSecrets.broker,
    storeSecret: connectionSecrets.store,
    template: { ...placementOf({ ...pods.runner, ...podTemplate }), resources },
    restartPolicy: 'Never',
  });
}
