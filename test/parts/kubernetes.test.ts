import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Cluster, sharedControlPlane, startControlPlane } from './kubernetes.ts';
import { auditedWrites } from './kubernetes-audit.ts';
import { asServiceAccount } from './kubernetes-identity.ts';
import { freshNamespace, kubectl } from './kubernetes-namespace.ts';
import { asset, kubernetesVersions, serverPrograms } from './kubernetes-programs.ts';
import { partOrSkip } from './unavailable.ts';

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ port: Number(port), host: hostname });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.unref();
  });
}

const configMap = (name: string, value: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } });

const storedIn = (cluster: Cluster, namespace: string, name: string) =>
  kubectl(cluster, ['--namespace', namespace, 'get', 'configmap', name, '--ignore-not-found', '--output=jsonpath={.data.value}']);

for (const version of kubernetesVersions) {
  test(`a shared Kubernetes ${version} answers as that version, and its audit log counts a write`, async (t) => {
    const cluster = await partOrSkip(t, () => sharedControlPlane(version));
    if (cluster === undefined) return;
    const { serverVersion } = JSON.parse(await kubectl(cluster, ['version', '--output=json'])) as {
      readonly serverVersion: { readonly gitVersion: string };
    };
    if (cluster.auditLog !== undefined) assert.match(serverVersion.gitVersion, new RegExp(`^v${version}\\.\\d+$`));
    await using own = await freshNamespace(cluster);
    await own.apply(configMap('written', 'once'));
    assert.equal(await storedIn(cluster, own.namespace, 'written'), 'once');
    if (cluster.auditLog === undefined) return t.diagnostic('not one of our clusters: its audit log was not read');
    const writes = (await auditedWrites(cluster, own.namespace)).filter(({ objectRef }) => objectRef?.name === 'written');
    assert.deepEqual(
      writes.map(({ verb, user, responseStatus }) => [verb, user.username, responseStatus?.code]),
      [['patch', 'admin', 201]],
    );
  });
}

test('an API server that is killed and started again has kept what it answered, on the same port', async (t) => {
  const started = await partOrSkip(t, () => startControlPlane({ version: '1.37' }));
  if (started === undefined) return;
  await using server = started;
  await kubectl(server, ['create', 'configmap', 'kept', '--from-literal=value=kept']);
  await server.killApiServer();
  assert.equal(await accepts(server.url), false);
  await server.startApiServer();
  assert.equal(await storedIn(server, 'default', 'kept'), 'kept');
  server.pauseApiServer();
  const silence = kubectl(server, ['get', 'configmap', 'kept', '--request-timeout=300ms']);
  await assert.rejects(silence, /Client\.Timeout|deadline exceeded|timeout/i);
  server.resumeApiServer();
  assert.equal(await storedIn(server, 'default', 'kept'), 'kept');
  await server.close();
  assert.equal(await accepts(server.url), false);
  assert.equal(existsSync(dirname(server.kubeconfig)), false);
  await server.close();
});

test('the controller manager makes what a Deployment asks for, and takes it away with it', async (t) => {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return;
  await using own = await freshNamespace(cluster);
  await own.kubectl('create', 'deployment', 'two', '--image=localhost/none', '--replicas=2');
  const pods = () =>
    own.kubectl('get', 'pods', '--selector=app=two', '--output=name').then((text) => text.split('\n').filter(Boolean).length);
  await eventually('two pods', async () => (await pods()) === 2);
  await own.kubectl('delete', 'deployment', 'two');
  await eventually('no pod', async () => (await pods()) === 0);
});

test('two control planes at once do not meet, and neither trusts the token or the certificate of the other', async (t) => {
  const started = await partOrSkip(t, () => Promise.all([startControlPlane({ version: '1.37' }), startControlPlane({ version: '1.35' })]));
  if (started === undefined) return;
  const [one, other] = started;
  await using _one = one;
  await using _other = other;
  await kubectl(one, ['create', 'configmap', 'mine', '--from-literal=value=1']);
  assert.equal(await storedIn(other, 'default', 'mine'), '');
  await assert.rejects(kubectl(one, ['get', 'configmaps', `--server=${other.url}`]), /certificate/);
  await assert.rejects(kubectl(other, ['get', 'configmaps', `--token=${one.token}`]), /Unauthorized|logged in/);
});

test('a service account may do what its roles allow and nothing else', async (t) => {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-identity-'));
  try {
    await using own = await freshNamespace(cluster);
    await own.kubectl('create', 'serviceaccount', 'reader');
    await own.kubectl('create', 'role', 'reader', '--verb=get', '--resource=configmaps');
    await own.kubectl('create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${own.namespace}:reader`);
    const reader = await asServiceAccount(cluster, { namespace: own.namespace, name: 'reader' }, join(folder, 'reader'));
    assert.equal(await storedIn(reader, own.namespace, 'none'), '');
    await assert.rejects(kubectl(reader, ['--namespace', own.namespace, 'create', 'configmap', 'none']), /forbidden/i);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a control plane ends with the process that started it, even a killed one', async (t) => {
  if ((await partOrSkip(t, async () => (await startControlPlane({ version: '1.37' })).close().then(() => true))) === undefined) return;
  const script = `
    import { startControlPlane } from ${JSON.stringify(new URL('./kubernetes.ts', import.meta.url).href)};
    const { url } = await startControlPlane({ version: '1.37' });
    console.log(url);
    setTimeout(() => {}, 1e9);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  assert.equal(await accepts(url), true);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await eventually('the server is gone', async () => !(await accepts(url)));
});

test('a folder of KUBEBUILDER_ASSETS is used for the version that it holds', async (t) => {
  const before = process.env.KUBEBUILDER_ASSETS;
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-assets-'));
  t.after(async () => {
    if (before === undefined) delete process.env.KUBEBUILDER_ASSETS;
    else process.env.KUBEBUILDER_ASSETS = before;
    await rm(folder, { recursive: true });
  });
  await writeFile(join(folder, 'kube-apiserver'), '#!/bin/sh\necho Kubernetes v1.37.9\n', { mode: 0o755 });
  await writeFile(join(folder, 'etcd'), '');
  process.env.KUBEBUILDER_ASSETS = folder;
  assert.deepEqual(await serverPrograms('1.37'), { apiServer: join(folder, 'kube-apiserver'), etcd: join(folder, 'etcd') });
  assert.equal(await asset('1.35', 'kube-apiserver'), undefined);
  assert.equal(await asset('1.37', 'kube-controller-manager'), undefined);
});
