import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the configurations of a node's programs have to agree on. */
export interface NodeSettings {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  readonly controlGroup: string;
  /** The text of one whose user may do everything. */
  readonly kubeconfig: string;
  readonly pauseImage: string;
}

/** Where containerd listens, as the node sees it. */
export const CONTAINERD_SOCKET = '/run/containerd.sock';

/** statfs(2) of an overlay, as a container's files are: no overlay can be laid upon it. */
const OVERLAYFS_MAGIC = 0x794c7630;

/** Writes the node's folder `/etc`. */
export async function writeNodeFiles(etc: string, settings: NodeSettings): Promise<void> {
  const snapshotter = (await statfs(etc)).type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs';
  await mkdir(join(etc, 'cni'));
  const files: Readonly<Record<string, string>> = {
    hosts: `127.0.0.1 localhost\n${settings.address} ${settings.name}\n`,
    passwd: 'root:x:0:0:root:/root:/bin/sh\n',
    group: 'root:x:0:\n',
    // Nothing outside can be reached, so nobody is asked.
    'resolv.conf': '',
    kubeconfig: settings.kubeconfig,
    'containerd.toml': containerdConfiguration(settings, snapshotter),
    'cni/node.conflist': JSON.stringify(networkOf(settings)),
    // JSON is YAML.
    'kubelet.yaml': JSON.stringify(kubeletConfiguration(settings), undefined, 2),
    Corefile: dnsConfiguration(settings),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(etc, name), text);
}

/** Settings of the kernel that the kubelet wants, as it would set them. They are this machine's: what it finds as it wants it, it leaves alone. */
const kernelSettings = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
} as const;

/** Writes what the node is to take for the kernel's settings into a new folder; the files by where the node is to see them. */
export async function writeKernelSettings(folder: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(folder);
  const mounts: Record<string, string> = {};
  for (const [name, value] of Object.entries(kernelSettings)) {
    const file = join(folder, name.replaceAll('/', '-'));
    await writeFile(file, `${value}\n`);
    mounts[`/proc/sys/${name}`] = file;
  }
  return mounts;
}

function containerdConfiguration(settings: NodeSettings, snapshotter: string): string {
  return `version = 2
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${settings.pauseImage}"
  disable_apparmor = true
  # Lower scores than that of this process need CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
}

/**
 * Each pod hangs on a wire of its own and all it says is routed. On a bridge, pods that talk through a Service would answer each other past the node,
 * which has to translate the answers back; to catch those the kernel needs the module br_netfilter.
 */
function networkOf({ podCidr }: NodeSettings): object {
  const ipam = { type: 'host-local', dataDir: '/var/lib/cni', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
}

function kubeletConfiguration(settings: NodeSettings): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: settings.address,
    readOnlyPort: 0,
    // Only this machine reaches it.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    makeIPTablesUtilChains: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: settings.controlGroup,
    // One control group for all pods: those of cgroup v1 and of a container have no other that could be made.
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    clusterDNS: [settings.address],
    clusterDomain: 'cluster.local',
    resolvConf: '/etc/resolv.conf',
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%', 'memory.available': '100Mi' },
  };
}

function dnsConfiguration({ address }: NodeSettings): string {
  return `.:53 {
  bind ${address}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig /etc/kubeconfig
  }
  errors
}
`;
}
