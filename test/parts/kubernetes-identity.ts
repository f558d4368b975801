import { writeFile } from 'node:fs/promises';
import type { Cluster } from './kubernetes.ts';
import { kubectl } from './kubernetes-namespace.ts';

interface Config {
  readonly users: readonly { readonly name: string }[];
}

/** The same cluster for a service account, which may do what its roles allow, with its kubeconfig at `path`. The token is good for an hour. */
export async function asServiceAccount(
  cluster: Cluster,
  account: { readonly namespace: string; readonly name: string },
  path: string,
): Promise<Cluster> {
  const token = (await kubectl(cluster, ['--namespace', account.namespace, 'create', 'token', account.name])).trim();
  const config = JSON.parse(await kubectl(cluster, ['config', 'view', '--raw', '--minify', '--flatten', '--output=json'])) as Config;
  const users = config.users.map(({ name }) => ({ name, user: { token } }));
  await writeFile(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return { ...cluster, kubeconfig: path };
}
