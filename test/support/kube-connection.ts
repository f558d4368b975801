import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { KubeAccess } from '../../src/kube/access.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { kubeConfigFileAccess } from '../../src/kube/kube-config.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Cluster } from '../parts/kubernetes.ts';

/** How to reach a cluster, by another port of the loopback if one is given: a proxy's. */
export async function accessTo(cluster: Cluster, port?: number): Promise<KubeAccess> {
  const access = await kubeConfigFileAccess(cluster.kubeconfig, systemClock);
  return port === undefined ? access : { ...access, server: `https://127.0.0.1:${port}` };
}

/** A client of a cluster, to be disposed of. */
export async function clientOf(
  cluster: Cluster,
  options: { readonly port?: number; readonly http2?: boolean; readonly callMs?: number } = {},
): Promise<KubeClient & AsyncDisposable> {
  const { port, ...rest } = options;
  const client = createKubeClient({ access: await accessTo(cluster, port), clock: systemClock, ...rest });
  return { ...client, [Symbol.asyncDispose]: () => client.close() };
}

/** Counts the connections that this process makes to API servers, and those of them that are open still, until it is disposed of. */
export function countConnections(): { readonly made: () => number; readonly open: () => number } & Disposable {
  const sockets: Socket[] = [];
  const count = (message: unknown) => void sockets.push((message as { readonly socket: Socket }).socket);
  subscribe('undici:client:connected', count);
  return {
    made: () => sockets.length,
    open: () => sockets.filter(({ destroyed }) => !destroyed).length,
    [Symbol.dispose]: () => void unsubscribe('undici:client:connected', count),
  };
}
