import type { Cluster } from '../parts/kubernetes.ts';
import { kubectl } from '../parts/kubernetes-namespace.ts';
import { eventually } from './eventually.ts';

/** Waits until objects of CustomResourceDefinitions can be made. `targets` are what `kubectl wait` takes: names or `--filename`s; it fails on one that has no condition at all yet. */
export async function untilEstablished(cluster: Cluster, ...targets: readonly string[]): Promise<void> {
  const waiting = ['wait', '--for=condition=Established', '--timeout=10s', ...targets];
  const done = () =>
    kubectl(cluster, waiting).then(
      () => true,
      () => false,
    );
  await eventually(`${targets.join(', ')} established`, done);
}
