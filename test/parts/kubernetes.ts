import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { dirname, join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { daemonsIn } from './kubernetes-daemon.ts';
import { type ControlPlaneFiles, controlPlaneFiles, writeKubeconfig, writeServerFiles } from './kubernetes-files.ts';
import { type KubernetesVersion, kubectlProgram, kubernetesProgram, serverPrograms } from './kubernetes-programs.ts';
import { reservePorts } from './ports.ts';
import { workFolder } from './work-folder.ts';

/** A cluster that tests may use. */
export interface Cluster {
  /** The path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
  /** The path of kubectl. */
  readonly kubectl: string;
  /** The path of the log with one JSON object for each write, if the cluster is one of ours. */
  readonly auditLog: string | undefined;
}

/** An API server of our own with its etcd; both end with this process, whatever becomes of that. */
export interface ControlPlane extends Cluster, AsyncDisposable {
  readonly version: KubernetesVersion;
  readonly url: string;
  /** Its bearer may do everything. */
  readonly token: string;
  /** The path of the certificate that the server's is verified by. */
  readonly caFile: string;
  readonly auditLog: string;
  /** SIGKILL: etcd keeps the data. */
  killApiServer(): Promise<void>;
  /** Starts it on the same data and port after `killApiServer`, and waits until it is ready. */
  startApiServer(): Promise<void>;
  /** SIGSTOP and SIGCONT: connections stay open, and nothing answers. */
  pauseApiServer(): void;
  resumeApiServer(): void;
  /** Ends it and removes its data. May be repeated. */
  close(): Promise<void>;
}

/** How a control plane deviates from the usual one. */
export interface ControlPlaneOptions {
  readonly version: KubernetesVersion;
  /** Of 1.37 whatever the server's version is. Without it Deployments, Jobs and CronJobs make nothing, owned objects outlive their owners, and namespaces have no service account of their own. */
  readonly controllerManager?: boolean;
  readonly scheduler?: boolean;
  /** The address of this machine that pods reach it at; without it only the loopback does. */
  readonly address?: string;
  /** Further options of kube-apiserver. */
  readonly apiServerArguments?: readonly string[];
}

/** The addresses of Services. */
export const SERVICE_CIDR = '10.96.0.0/16';

/** The addresses of pods, as far as a control plane without nodes may know. */
export const POD_CIDR = '10.244.0.0/16';

/** Starts a control plane with its own data and ports, and waits until it answers. Throws `PartUnavailable` where this machine cannot have it. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { version, address = '127.0.0.1' } = options;
  const [programs, kubectl, managers] = [await serverPrograms(version), await kubectlProgram(), await managersFor(options)];
  const ports = await reservePorts(3);
  const [port = 0, etcdPort = 0, peerPort = 0] = ports.numbers;
  const daemons = daemonsIn(await workFolder(`kubernetes-${version}`), `Kubernetes ${version}`);
  const files = controlPlaneFiles(daemons.folder);
  const [url, token] = [`https://${address}:${port}`, randomBytes(16).toString('hex')];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const answers = (path: string) => answersWell(url + path, files.caFile, token);
  const startApiServer = () =>
    daemons.start('kube-apiserver', [programs.apiServer, ...apiServerArguments(files, etcdUrl, port, options)], () => answers('/readyz'));
  const close = async () => {
    await daemons.close();
    await ports[Symbol.asyncDispose]();
  };
  try {
    await writeServerFiles(files, token);
    await daemons.start('etcd', [programs.etcd, ...etcdArguments(files, etcdUrl, `http://127.0.0.1:${peerPort}`)]);
    await startApiServer();
    await writeKubeconfig(files, url, token);
    for (const [name, program] of Object.entries(managers)) await daemons.start(name, [program, ...managerArguments(name, files)]);
    if (options.controllerManager) await eventually('the controller manager works', () => answers(DEFAULT_SERVICE_ACCOUNT));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    version,
    url,
    token,
    caFile: files.caFile,
    kubeconfig: files.kubeconfig,
    kubectl,
    auditLog: files.auditLog,
    killApiServer: () => daemons.kill('kube-apiserver'),
    startApiServer,
    pauseApiServer: () => daemons.pause('kube-apiserver'),
    resumeApiServer: () => daemons.resume('kube-apiserver'),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function managersFor(options: ControlPlaneOptions): Promise<Readonly<Record<string, string>>> {
  const names = [
    ...(options.controllerManager ? (['kube-controller-manager'] as const) : []),
    ...(options.scheduler ? (['kube-scheduler'] as const) : []),
  ];
  const programs: Record<string, string> = {};
  for (const name of names) programs[name] = await kubernetesProgram('1.37', name);
  return programs;
}

function etcdArguments(files: ControlPlaneFiles, url: string, peerUrl: string): readonly string[] {
  return [
    `--data-dir=${join(files.folder, 'etcd')}`,
    // The data need not survive this machine.
    '--unsafe-no-fsync',
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--log-level=warn',
  ];
}

function apiServerArguments(files: ControlPlaneFiles, etcdUrl: string, port: number, options: ControlPlaneOptions): readonly string[] {
  const { address, controllerManager = false, apiServerArguments: further = [] } = options;
  return [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    `--bind-address=${address ?? '127.0.0.1'}`,
    `--advertise-address=${address ?? '127.0.0.1'}`,
    // The loopback must not stand in the Service `kubernetes`.
    ...(address === undefined ? ['--endpoint-reconciler-type=none'] : []),
    `--cert-dir=${dirname(files.caFile)}`,
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    // A kubelet's certificate is its own, and its name is in no DNS.
    '--kubelet-preferred-address-types=InternalIP',
    // Nobody would make the service account that it puts into pods.
    ...(controllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${files.auditLog}`,
    ...further,
  ];
}

function managerArguments(name: string, files: ControlPlaneFiles): readonly string[] {
  const common = [`--kubeconfig=${files.kubeconfig}`, '--leader-elect=false', '--secure-port=0'];
  if (name !== 'kube-controller-manager') return common;
  return [
    ...common,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    `--root-ca-file=${files.caFile}`,
    '--use-service-account-credentials',
    `--cluster-cidr=${POD_CIDR}`,
  ];
}

/** What the controller manager makes first of all. */
const DEFAULT_SERVICE_ACCOUNT = '/api/v1/namespaces/default/serviceaccounts/default';

/** Whether a server says 200, verified by its own authority, whose file it makes itself when it starts. */
async function answersWell(url: string, caFile: string, token: string): Promise<boolean> {
  const ca = await readFile(caFile).catch(() => undefined);
  if (ca === undefined) return false;
  return await new Promise((resolve) => {
    const asked = request(url, { ca, agent: false, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('error', () => resolve(false));
    asked.setTimeout(5000, () => asked.destroy());
    asked.end();
  });
}

/** The environment variable that says where a running cluster of a version is: the path of its kubeconfig. */
export function clusterVariableOf(version: KubernetesVersion): string {
  return `EVENTAGENT_TEST_KUBERNETES_${version.replace('.', '')}`;
}

const shared = new Map<KubernetesVersion, Promise<Cluster>>();

/**
 * A cluster for all tests of a version: the one that the environment names, else one that ends with this process; 1.37 has a controller manager, 1.35 has none.
 * `EVENTAGENT_TEST_KUBECONFIG`, the kubeconfig of any cluster, stands in for 1.37. Whoever shares it takes a namespace of their own and does not stop it: for that there is `startControlPlane`.
 */
export function sharedControlPlane(version: KubernetesVersion): Promise<Cluster> {
  let cluster = shared.get(version);
  if (cluster === undefined) {
    const named = process.env[clusterVariableOf(version)] || (version === '1.37' && process.env.EVENTAGENT_TEST_KUBECONFIG);
    cluster = named ? clusterOf(named) : startControlPlane({ version, controllerManager: version === '1.37' });
    shared.set(version, cluster);
  }
  return cluster;
}

/** A running cluster by its kubeconfig. One of ours has its audit log beside that; for another one, the kubectl of this machine will do. */
async function clusterOf(kubeconfig: string): Promise<Cluster> {
  const { auditLog } = controlPlaneFiles(dirname(kubeconfig));
  if (existsSync(auditLog)) return { kubeconfig, kubectl: await kubectlProgram(), auditLog };
  const found = (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, 'kubectl'))
    .find((path) => existsSync(path));
  return { kubeconfig, kubectl: found ?? (await kubectlProgram()), auditLog: undefined };
}
