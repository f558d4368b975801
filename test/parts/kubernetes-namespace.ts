import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import type { Cluster } from './kubernetes.ts';

/** A namespace of our own. Disposing deletes it, without waiting for the end of what is in it. */
export interface Namespace extends AsyncDisposable {
  readonly namespace: string;
  /** `kubectl` in this namespace; what it printed. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Creates or changes objects, as `kubectl apply --server-side` does. */
  apply(...objects: readonly object[]): Promise<void>;
}

/** Makes a new namespace, and waits until pods can be made in it. */
export async function freshNamespace(cluster: Cluster): Promise<Namespace> {
  const namespace = `test-${randomUUID()}`;
  await kubectl(cluster, ['create', 'namespace', namespace]);
  const inNamespace = (...args: readonly string[]) => kubectl(cluster, ['--namespace', namespace, ...args]);
  if (await hasControllers(cluster)) {
    await eventually('a service account in the new namespace', () =>
      inNamespace('get', 'serviceaccount', 'default', '--ignore-not-found', '--output=name').then((name) => name !== ''),
    );
  }
  return {
    namespace,
    kubectl: inNamespace,
    async apply(...objects) {
      const list = { apiVersion: 'v1', kind: 'List', items: objects };
      await kubectl(cluster, ['--namespace', namespace, 'apply', '--server-side', '--filename=-'], JSON.stringify(list));
    },
    async [Symbol.asyncDispose]() {
      await kubectl(cluster, ['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
    },
  };
}

/** Every cluster with a controller manager has one here. */
async function hasControllers(cluster: Cluster): Promise<boolean> {
  const found = await kubectl(cluster, ['--namespace', 'kube-system', 'get', 'serviceaccounts', '--output=name']);
  return found !== '';
}

/** Runs kubectl on a cluster to its end and gives what it printed. Rejects with what it said where it fails. */
export function kubectl(cluster: Cluster, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    // What a server offers must not be believed of another one that had the same port before.
    const cache = cluster.auditLog === undefined ? {} : { KUBECACHEDIR: join(dirname(cluster.kubeconfig), 'kubectl') };
    const child = spawn(cluster.kubectl, args, { env: { ...process.env, ...cache, KUBECONFIG: cluster.kubeconfig } });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // It may end without having read its input; its exit code says so.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else
        reject(
          new Error(`kubectl ${args.join(' ')} ended with ${signal ?? code}: ${Buffer.concat(err).toString('utf8').trim().slice(-2000)}`),
        );
    });
  });
}
