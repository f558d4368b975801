import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AGENT_SCHEDULE_CRD, DEAD_LETTER_REDRIVE_CRD, EVENT_AGENT_CRD } from '../../src/manifest/schema.ts';
import { type Cluster, sharedControlPlane } from '../parts/kubernetes.ts';
import { kubectl } from '../parts/kubernetes-namespace.ts';
import type { KubernetesVersion } from '../parts/kubernetes-programs.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { untilEstablished } from './established.ts';

/** The files of our CustomResourceDefinitions, as options of kubectl. */
export const DEFINITIONS: readonly string[] = [AGENT_SCHEDULE_CRD, DEAD_LETTER_REDRIVE_CRD, EVENT_AGENT_CRD].map(
  (file) => `--filename=${fileURLToPath(file)}`,
);

/** Teaches a cluster our kinds, and waits until objects of them can be made. May be repeated, and by several at a time. */
export async function withDefinitions(cluster: Cluster): Promise<Cluster> {
  await kubectl(cluster, ['apply', '--server-side', '--force-conflicts', ...DEFINITIONS]);
  await untilEstablished(cluster, ...DEFINITIONS);
  return cluster;
}

const taught = new Map<KubernetesVersion, Promise<Cluster>>();

/** The shared cluster of a version, which knows our kinds; where it cannot be had, the test is skipped. */
export async function clusterWithDefinitions(t: Pick<TestContext, 'skip'>, version: KubernetesVersion): Promise<Cluster | undefined> {
  let cluster = taught.get(version);
  if (cluster === undefined) {
    cluster = sharedControlPlane(version).then(withDefinitions);
    taught.set(version, cluster);
  }
  const found = cluster;
  return await partOrSkip(t, () => found);
}
