import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { run } from './command.ts';
import { debianRoot } from './debian-root.ts';
import { BUSYBOX_IMAGE, busyboxImage } from './image-busybox.ts';
import { type ControlPlane, startControlPlane } from './kubernetes.ts';
import { type Daemons, daemonsIn } from './kubernetes-daemon.ts';
import { kubectl } from './kubernetes-namespace.ts';
import { coreDnsProgram, kubernetesProgram } from './kubernetes-programs.ts';
import { controlGroup } from './node-cgroup.ts';
import { CONTAINERD_SOCKET, writeKernelSettings, writeNodeFiles } from './node-files.ts';
import { commandInside, type Machine, machineCommand, pidIn, requireMachines } from './node-machine.ts';
import { layWire, type Wire } from './node-network.ts';
import { lastLines } from './private-process.ts';
import { workFolder } from './work-folder.ts';

/** A cluster of one node that runs pods. All of it ends with this process, whatever becomes of that, and nothing is installed on this machine. */
export interface Node extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  /** The address of this machine that pods reach it at. What listens on the loopback only, they do not reach, nor anything beyond this machine. */
  readonly address: string;
  /** The pid of its first process, which all others end with. */
  readonly pid: number;
  /** Makes an image known to the node, from a tar as `docker save` writes it. Pods that name it say `imagePullPolicy: IfNotPresent` or `Never`. */
  importImage(archive: string): Promise<void>;
  /** `kubectl` on the cluster; what it printed. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Ends all of it. May be repeated. */
  close(): Promise<void>;
}

/** The node's name. */
export const NODE_NAME = 'node-1';

/** What a node has of Debian. */
const packages = [
  ...['base-files', 'dash', 'coreutils', 'mount', 'util-linux', 'iproute2', 'nftables'],
  ...['containerd', 'runc', 'containernetworking-plugins'],
];

/** What a node is made of. */
interface NodeParts {
  /** The root with Debian's programs. */
  readonly root: string;
  /** The paths of the programs that were built, by where the node sees them. */
  readonly programs: Readonly<Record<`/run/programs/${'kubelet' | 'kube-proxy' | 'coredns'}`, string>>;
  /** The image that holds a pod's namespaces. */
  readonly pauseArchive: string;
}

/** Starts a control plane with all its parts and a node on it, and waits until the node takes pods. Throws `PartUnavailable` where this machine cannot have it. */
export async function startNode(): Promise<Node> {
  const parts = await nodeParts();
  const group = await controlGroup('node');
  const daemons = daemonsIn(await workFolder('node'), 'the node');
  let machine: number | undefined;
  let controlPlane: ControlPlane | undefined;
  const close = async () => {
    if (machine !== undefined) await endMachine(machine);
    machine = undefined;
    await daemons.close();
    await controlPlane?.close();
    await group.remove();
  };
  try {
    const pid = await startMachine(parts, daemons);
    machine = pid;
    const wire = await layWire(parts.root, pid);
    const started = await startControlPlane({ version: '1.37', controllerManager: true, scheduler: true, address: wire.here });
    controlPlane = started;
    await writeNodeFiles(join(daemons.folder, 'etc'), {
      name: NODE_NAME,
      address: wire.there,
      podCidr: wire.behind,
      controlGroup: group.path,
      pauseImage: BUSYBOX_IMAGE,
      kubeconfig: await readFile(started.kubeconfig, 'utf8'),
    });
    await startPrograms(parts.pauseArchive, daemons, pid, wire);
    const onCluster = (...args: readonly string[]) => kubectl(started, args);
    await becomesReady(onCluster, daemons);
    return {
      controlPlane: started,
      address: wire.here,
      pid,
      importImage: (archive) => importImage(pid, archive),
      kubectl: onCluster,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Gets all that a node needs, as far as it is not there yet. To be called before tests whose time is limited: the first time it takes minutes. */
export async function nodeParts(): Promise<NodeParts> {
  await requireMachines('a node of Kubernetes');
  const root = await debianRoot({ name: 'kubernetes-node', suite: 'trixie', packages });
  const programs = {
    '/run/programs/kubelet': await kubernetesProgram('1.37', 'kubelet'),
    '/run/programs/kube-proxy': await kubernetesProgram('1.37', 'kube-proxy'),
    '/run/programs/coredns': await coreDnsProgram(),
  };
  return { root, programs, pauseArchive: await busyboxImage() };
}

/** Starts a machine with nothing in it but a process that waits for orphans; that one's pid. */
async function startMachine({ root, programs }: NodeParts, daemons: Daemons): Promise<number> {
  const [etc, variable, pidFile] = [join(daemons.folder, 'etc'), join(daemons.folder, 'var'), join(daemons.folder, 'pid')];
  await mkdir(etc);
  await mkdir(join(variable, 'lib'), { recursive: true });
  const settings = await writeKernelSettings(join(daemons.folder, 'kernel'));
  const mounts = { '/etc': etc, '/var': variable, ...programs, ...settings };
  const machine: Machine = { root, network: 'own', mounts };
  const command = machineCommand(machine, ['sh', '-c', 'sleep infinity & wait'], pidFile);
  await daemons.start('machine', command, async () => (await pidIn(pidFile)) !== undefined);
  const pid = await pidIn(pidFile);
  if (pid === undefined) throw new Error('a machine that is ready has no pid');
  return pid;
}

/** Kills the first process of a machine; it ends after all others. */
async function endMachine(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await eventually('the machine is gone', async () => !existsSync(`/proc/${pid}`));
}

async function startPrograms(pauseArchive: string, daemons: Daemons, machine: number, wire: Wire): Promise<void> {
  const start = (name: string, command: readonly string[], isReady?: () => Promise<boolean>) =>
    daemons.start(name, commandInside(machine, command), isReady);
  await inside(machine, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  const containerdAnswers = () =>
    inside(machine, ...CTR, 'version').then(
      () => true,
      () => false,
    );
  await start('containerd', ['containerd', '--config=/etc/containerd.toml'], containerdAnswers);
  await importImage(machine, pauseArchive);
  const common = ['--kubeconfig=/etc/kubeconfig', `--hostname-override=${NODE_NAME}`];
  await start('kubelet', [
    '/run/programs/kubelet',
    ...common,
    '--config=/etc/kubelet.yaml',
    '--root-dir=/var/lib/kubelet',
    `--node-ip=${wire.there}`,
  ]);
  // Nothing of the kernel's connection tracking is to be set: it is this machine's.
  const untouched = ['--conntrack-max-per-core=0', '--conntrack-tcp-timeout-established=0', '--conntrack-tcp-timeout-close-wait=0'];
  await start('kube-proxy', [
    '/run/programs/kube-proxy',
    ...common,
    '--proxy-mode=nftables',
    `--cluster-cidr=${wire.behind}`,
    ...untouched,
  ]);
  await start('coredns', ['/run/programs/coredns', '-conf=/etc/Corefile']);
}

const CTR = ['ctr', `--address=${CONTAINERD_SOCKET}`, '--namespace=k8s.io'] as const;

/** `Node.importImage` for a node of another process, by its `pid`. */
export async function importImage(machine: number, archive: string): Promise<void> {
  const command = commandInside(machine, [...CTR, 'images', 'import', '-']);
  await run('sh', ['-c', 'archive=$1; shift; exec "$@" < "$archive"', 'import', archive, ...command]);
}

async function inside(machine: number, ...command: readonly string[]): Promise<string> {
  const [program, ...args] = commandInside(machine, command);
  return await run(program, args);
}

async function becomesReady(onCluster: Node['kubectl'], daemons: Daemons): Promise<void> {
  const status = '--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  const isReady = async () => (await onCluster('get', 'node', NODE_NAME, '--ignore-not-found', status)) === 'True';
  try {
    await eventually('the node is ready', isReady, 60_000);
  } catch (cause) {
    throw new Error(`the node is not ready; the end of its kubelet's log: ${await lastLines(join(daemons.folder, 'kubelet.log'))}`, {
      cause,
    });
  }
}
