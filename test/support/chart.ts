import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../parts/command.ts';
import type { Cluster } from '../parts/kubernetes.ts';
import { asServiceAccount } from '../parts/kubernetes-identity.ts';
import { kubectl } from '../parts/kubernetes-namespace.ts';
import { helmProgram } from '../parts/kubernetes-programs.ts';

/** The folder of the chart. */
export const CHART = join(import.meta.dirname, '../../charts/eventagent');

/** The oldest Kubernetes that the chart is for; `helm template` without a cluster takes the client library's otherwise. */
const KUBE_VERSION = '1.35.0';

/** What to render of the chart. */
export interface ChartOptions {
  /** Default `eventagent`. */
  readonly release?: string;
  readonly namespace: string;
  /** In place of the chart's own, value by value. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Names of files in `templates`; default: all. */
  readonly templates?: readonly string[];
}

/** The chart as `helm template` renders it. Rejects with what Helm said where the values are refused. Throws `PartUnavailable` without Helm. */
export async function renderChart({ release = 'eventagent', namespace, values = {}, templates = [] }: ChartOptions): Promise<string> {
  const only = templates.map((name) => `--show-only=templates/${name}`);
  return await helm([
    'template',
    release,
    CHART,
    `--namespace=${namespace}`,
    `--kube-version=${KUBE_VERSION}`,
    ...valueArguments(values),
    ...only,
  ]);
}

/** Values as arguments of Helm. */
export function valueArguments(values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`);
}

/** Runs Helm to its end, on a cluster if one is given, and gives what it printed. Plugins, repositories and settings of the user play no part. */
export async function helm(args: readonly string[], cluster?: Cluster): Promise<string> {
  const program = await helmProgram();
  const home = await mkdtemp(join(tmpdir(), 'eventagent-helm-'));
  try {
    const homes = Object.fromEntries(['CACHE', 'CONFIG', 'DATA'].map((kind) => [`HELM_${kind}_HOME`, join(home, kind)]));
    return await run(program, args, {
      env: { PATH: process.env.PATH, HOME: home, ...homes, KUBECONFIG: cluster?.kubeconfig ?? '/nonexistent' },
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** The operator's service account with the rights that the chart gives it. Disposing takes away what does not go with its namespace. */
export interface ChartAccount extends AsyncDisposable {
  /** The cluster as that service account sees it. */
  readonly cluster: Cluster;
  /** What an operator has to be told to be this account: `KUBECONFIG`, and the one Lease that it may use. */
  readonly environment: Readonly<Record<'KUBECONFIG' | 'EVENTAGENT_POD_NAMESPACE' | 'EVENTAGENT_LEASE_NAME', string>>;
  /** `system:serviceaccount:<namespace>:<name>`. */
  readonly user: string;
}

/**
 * Gives a namespace the service account of the operator with the chart's roles and nothing else: for some namespaces (default: its own), or for all of the cluster.
 * Another `release` has another account and another Lease. Throws `PartUnavailable` without Helm.
 */
export async function installChartRbac(
  cluster: Cluster,
  namespace: string,
  mode: 'namespaced' | 'cluster-wide',
  { release = 'eventagent', namespaces = [namespace] }: { readonly release?: string; readonly namespaces?: readonly string[] } = {},
): Promise<ChartAccount> {
  // What belongs to the whole cluster needs a name of its own.
  const hash = createHash('sha256').update(`${namespace}/${release}`).digest('hex').slice(0, 10);
  const fullname = `${release.slice(0, 30)}-${hash}`;
  const manifest = await renderChart({
    release,
    namespace,
    values: { fullnameOverride: fullname, watchNamespaces: mode === 'namespaced' ? namespaces : [] },
    templates: ['service-account.yaml', 'rbac.yaml'],
  });
  await kubectl(cluster, ['apply', '--server-side', '--filename=-'], manifest);
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-account-'));
  const name = `${fullname}-controller`;
  const path = join(folder, 'kubeconfig');
  return {
    cluster: await asServiceAccount(cluster, { namespace, name }, path),
    environment: { KUBECONFIG: path, EVENTAGENT_POD_NAMESPACE: namespace, EVENTAGENT_LEASE_NAME: name },
    user: `system:serviceaccount:${namespace}:${name}`,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
      await kubectl(cluster, ['delete', '--ignore-not-found', '--wait=false', '--filename=-'], manifest);
    },
  };
}
