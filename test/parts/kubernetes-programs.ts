import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import { type GoPrograms, goPrograms } from './go/programs.ts';

/** The versions that everything is tested on: the newest, with all its parts, and the oldest supported, of which there is the API server. */
export const kubernetesVersions = ['1.37', '1.35'] as const;

/** A version that everything is tested on. */
export type KubernetesVersion = (typeof kubernetesVersions)[number];

/** Paths of programs, built or found. */
export interface ServerPrograms {
  readonly apiServer: string;
  readonly etcd: string;
}

/** The names of programs of Kubernetes. */
export type KubernetesProgram = 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet' | 'kube-proxy' | 'kubectl';

const REMEDY =
  'set KUBEBUILDER_ASSETS to a folder that holds it, with the kube-apiserver, etcd and kubectl of that version; or EVENTAGENT_TEST_KUBECONFIG to the kubeconfig of a cluster, for tests that share one';

/** The API server of a version, and etcd. Both come from the folder that `KUBEBUILDER_ASSETS` names, if that is the version that it holds; else they are built. */
export async function serverPrograms(version: KubernetesVersion): Promise<ServerPrograms> {
  const apiServer = await kubernetesProgram(version, 'kube-apiserver');
  const found = await asset(version, 'etcd');
  if (found !== undefined) return { apiServer, etcd: found };
  const etcd = { pins: 'etcd', module: 'go.etcd.io/etcd/server/v3', packages: { etcd: 'go.etcd.io/etcd/server/v3' } };
  return { apiServer, etcd: join(await goPrograms(etcd, REMEDY), 'etcd') };
}

/** The path of kubectl. */
export async function kubectlProgram(): Promise<string> {
  return await kubernetesProgram('1.37', 'kubectl');
}

/** The path of a program of Kubernetes: in the folder that `KUBEBUILDER_ASSETS` names, if it is there in that version, else built where it is missing. */
export async function kubernetesProgram(version: KubernetesVersion, name: KubernetesProgram): Promise<string> {
  const found = await asset(version, name);
  if (found !== undefined) return found;
  const programs: GoPrograms = {
    pins: `kubernetes-${version}`,
    module: 'k8s.io/kubernetes',
    packages: { [name]: `k8s.io/kubernetes/cmd/${name}` },
    // Without them it calls itself v0.0.0, and clients draw their conclusions.
    linkerFlags(full) {
      const [major, minor] = full.split('.');
      const values = { gitVersion: `v${full}`, gitMajor: major, gitMinor: minor };
      return Object.entries(values).flatMap(([field, value]) => ['-X', `k8s.io/component-base/version.${field}=${value}`]);
    },
  };
  return join(await goPrograms(programs, REMEDY), name);
}

/** A file in the folder of `KUBEBUILDER_ASSETS`, if its API server is of the version. */
export async function asset(version: KubernetesVersion, name: KubernetesProgram | 'etcd'): Promise<string | undefined> {
  const folder = process.env.KUBEBUILDER_ASSETS;
  if (!folder || !existsSync(join(folder, name))) return undefined;
  const told = await run(join(folder, 'kube-apiserver'), ['--version']);
  return told.startsWith(`Kubernetes v${version}.`) ? join(folder, name) : undefined;
}

/** The path of CoreDNS, built where it is missing. */
export async function coreDnsProgram(): Promise<string> {
  const packages = { coredns: 'github.com/coredns/coredns' };
  return join(await goPrograms({ pins: 'coredns', module: 'github.com/coredns/coredns', packages }), 'coredns');
}

/** The path of Helm, built where it is missing. */
export async function helmProgram(): Promise<string> {
  const programs: GoPrograms = {
    pins: 'helm',
    module: 'helm.sh/helm/v4',
    packages: { helm: 'helm.sh/helm/v4/cmd/helm' },
    linkerFlags: (version) => ['-X', `helm.sh/helm/v4/internal/version.version=v${version}`],
  };
  return join(await goPrograms(programs), 'helm');
}
