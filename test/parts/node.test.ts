import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { buildImage } from './image.ts';
import { NODE_IMAGE } from './image-base.ts';
import { BUSYBOX_IMAGE } from './image-busybox.ts';
import { freshNamespace, type Namespace } from './kubernetes-namespace.ts';
import { type Node, startNode } from './node.ts';
import { reachableFromPods } from './node-reach.ts';
import { PartUnavailable, partOrSkip } from './unavailable.ts';

/** The node for all tests of this file, or why there is none. */
let shared: Node | PartUnavailable;

before(async () => {
  shared = await startNode().catch((error) => {
    if (error instanceof PartUnavailable) return error;
    throw error;
  });
});

after(async () => {
  if (!(shared instanceof PartUnavailable)) await shared.close();
});

const theNode = () => (shared instanceof PartUnavailable ? Promise.reject(shared) : Promise.resolve(shared));

/** A pod that may do nothing that the Pod Security Standard `restricted` forbids, and runs once. */
function restrictedPod(name: string, image: string, command: readonly string[], labels: Readonly<Record<string, string>> = {}): object {
  const securityContext = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'main', image, imagePullPolicy: 'Never', command, securityContext }],
    },
  };
}

/** What a pod has printed by its end, and how it ended. */
async function endOf(own: Namespace, pod: string): Promise<readonly [phase: string, log: string]> {
  const phase = await eventually(
    `the end of pod ${pod}`,
    async () => {
      const found = await own.kubectl('get', 'pod', pod, '--output=jsonpath={.status.phase}');
      return found === 'Succeeded' || found === 'Failed' ? found : undefined;
    },
    60_000,
  );
  return [phase, (await own.kubectl('logs', pod)).trim()];
}

/** A new namespace where only restricted pods are let in. */
async function restrictedNamespace(node: Node): Promise<Namespace> {
  const own = await freshNamespace(node.controlPlane);
  await node.kubectl('label', 'namespace', own.namespace, 'pod-security.kubernetes.io/enforce=restricted');
  return own;
}

test('a pod with a restricted security context runs to its end, and its log can be read', async (t) => {
  const node = await partOrSkip(t, theNode);
  if (node === undefined) return;
  await using own = await restrictedNamespace(node);
  const script = 'id -u; touch /x 2>&1 || echo refused; grep -E "^(Seccomp|CapEff):" /proc/self/status';
  await own.apply(restrictedPod('one', BUSYBOX_IMAGE, ['/bin/sh', '-c', script]));
  const [phase, log] = await endOf(own, 'one');
  assert.equal(phase, 'Succeeded');
  assert.deepEqual(
    log.split('\n').map((line) => line.replace(/\s+/, ' ')),
    ['65532', 'touch: /x: Read-only file system', 'refused', 'CapEff: 0000000000000000', 'Seccomp: 2'],
  );
});

test('a Service is reached by its name, from another namespace and from the pod behind it, and a pod can be entered', async (t) => {
  const node = await partOrSkip(t, theNode);
  if (node === undefined) return;
  await using own = await restrictedNamespace(node);
  await using other = await restrictedNamespace(node);
  await own.apply(restrictedPod('web', BUSYBOX_IMAGE, ['/bin/sh', '-c', 'exec httpd -f -p 8080 -h /etc'], { app: 'web' }), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'pages' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await own.kubectl('wait', 'pod/web', '--for=condition=Ready', '--timeout=60s');
  const ask = (url: string) => ['/bin/sh', '-c', `for i in 1 2 3 4 5 6 7 8; do wget -q -O - ${url} && exit; sleep 1; done; exit 1`];
  await own.apply(restrictedPod('near', BUSYBOX_IMAGE, ask('http://pages/passwd')));
  await other.apply(restrictedPod('far', BUSYBOX_IMAGE, ask(`http://pages.${own.namespace}.svc.cluster.local/passwd`)));
  assert.deepEqual(await endOf(own, 'near'), ['Succeeded', 'root:x:0:0:root:/:/bin/sh']);
  assert.deepEqual(await endOf(other, 'far'), ['Succeeded', 'root:x:0:0:root:/:/bin/sh']);
  assert.equal(
    (await own.kubectl('exec', 'web', '--', 'wget', '-q', '-O', '-', 'http://pages/passwd')).trim(),
    'root:x:0:0:root:/:/bin/sh',
  );
});

test('pods reach the API server, and a server of this machine once that is asked for', async (t) => {
  const node = await partOrSkip(t, theNode);
  if (node === undefined) return;
  const server = createServer((_, response) => response.end('from outside')).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await eventually('the server listens', async () => server.listening);
  await using own = await restrictedNamespace(node);
  await using reachable = await reachableFromPods(node, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await own.apply(
    restrictedPod('server', BUSYBOX_IMAGE, ['/bin/wget', '-q', '-O', '-', reachable.url]),
    restrictedPod('api', BUSYBOX_IMAGE, ['/bin/wget', '-q', '-O', '-', '--no-check-certificate', 'https://kubernetes.default.svc/livez']),
  );
  assert.deepEqual(await endOf(own, 'server'), ['Succeeded', 'from outside']);
  assert.equal((await endOf(own, 'api'))[1].split('\n').at(-1), 'ok');
});

test('an image that was built runs', async (t) => {
  const node = await partOrSkip(t, theNode);
  if (node === undefined) return;
  const context = await mkdtemp(join(tmpdir(), 'eventagent-context-'));
  t.after(() => rm(context, { recursive: true }));
  await writeFile(join(context, 'Dockerfile'), 'ARG NODE_IMAGE\nFROM $NODE_IMAGE\nCOPY say.js /app/\nWORKDIR /app\n');
  await writeFile(join(context, 'say.js'), 'console.log("node", process.versions.node.split(".")[0]);\n');
  const plan = { dockerfile: join(context, 'Dockerfile'), context, tag: 'localhost/say:1', buildArgs: { NODE_IMAGE } };
  await using image = await buildImage(plan);
  await node.importImage(image.archive);
  await using own = await restrictedNamespace(node);
  await own.apply(restrictedPod('say', 'localhost/say:1', ['node', 'say.js']));
  assert.deepEqual(await endOf(own, 'say'), ['Succeeded', `node ${process.versions.node.split('.')[0]}`]);
});

test('of a node whose process was killed nothing stays but files and empty control groups, which the next one removes', async (t) => {
  const node = await partOrSkip(t, theNode);
  if (node === undefined) return;
  const script = `
    import { startNode } from ${JSON.stringify(new URL('./node.ts', import.meta.url).href)};
    import { freshNamespace } from ${JSON.stringify(new URL('./kubernetes-namespace.ts', import.meta.url).href)};
    const node = await startNode();
    const own = await freshNamespace(node.controlPlane);
    await own.kubectl('run', 'forever', '--image=${BUSYBOX_IMAGE}', '--image-pull-policy=Never', '--', 'sleep', '98765');
    await own.kubectl('wait', 'pod/forever', '--for=condition=Ready', '--timeout=60s');
    console.log(node.address);
    setTimeout(() => {}, 1e9);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  assert.ok(hasAddress(address));
  assert.equal((await processesWith('98765')).length, 1);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await eventually('its processes are gone', async () => (await processesWith('98765')).length === 0);
  await eventually('its network is gone', async () => !hasAddress(address));
  assert.equal((await readFile('/proc/self/mountinfo', 'utf8')).includes(`eventagent-test-${child.pid}-`), false);
  await using _ = await startNode();
  const left = [...(await readdir(tmpdir())), ...(await readdir('/sys/fs/cgroup/cpu').catch(() => readdir('/sys/fs/cgroup')))];
  assert.deepEqual(
    left.filter((name) => name.startsWith(`eventagent-test-${child.pid}-`)),
    [],
  );
});

function hasAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((addresses = []) => addresses.some((found) => found.address === address));
}

/** Those of this machine that have an argument. */
async function processesWith(argument: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`));
  const found: string[] = [];
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.split('\0').includes(argument)) found.push(pid);
  }
  return found;
}
