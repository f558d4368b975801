import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { InputError } from '../lib/errors.ts';
import { isInPod, podAccess, SERVICE_ACCOUNT_DIR } from './pod-access.ts';

const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

/** A folder as the kubelet mounts it, below a root of its own. */
async function serviceAccount(t: TestContext): Promise<{ readonly root: string; readonly dir: string }> {
  const root = await mkdtemp(join(tmpdir(), 'service-account-'));
  t.after(() => rm(root, { recursive: true }));
  const dir = join(root, SERVICE_ACCOUNT_DIR);
  await mkdir(dir, { recursive: true });
  await Promise.all([
    writeFile(join(dir, 'token'), 'first'),
    writeFile(join(dir, 'ca.crt'), 'first authority'),
    writeFile(join(dir, 'namespace'), 'eventagent-system'),
  ]);
  return { root, dir };
}

for (const host of ['10.96.0.1', 'fd00::1']) {
  test(`a pod reaches ${host} just as the client library would`, async (t) => {
    const { root, dir } = await serviceAccount(t);
    const told = { ...environment, KUBERNETES_SERVICE_HOST: host };
    const access = await podAccess(told, createManualClock(), dir);
    Object.assign(process.env, told);
    const library = new KubeConfig();
    library.loadFromCluster(root);
    const options: RequestOptions = {};
    await library.applyToHTTPSOptions(options);
    const { tls, headers } = await access.credentials();
    assert.equal(access.server, library.getCurrentCluster()?.server);
    assert.equal(access.namespace, library.getContextObject(library.getCurrentContext())?.namespace);
    assert.deepEqual(tls, { ca: String(options.ca) });
    assert.deepEqual({ Authorization: headers.authorization }, options.headers);
  });
}

test('token and authority are read again after a minute, and after a refusal', async (t) => {
  const { dir } = await serviceAccount(t);
  const clock = createManualClock();
  const access = await podAccess(environment, clock, dir);
  const told = async () => {
    const { tls, headers } = await access.credentials();
    return [headers.authorization, tls.ca];
  };
  assert.deepEqual(await told(), ['Bearer first', 'first authority']);
  await writeFile(join(dir, 'token'), 'second\n');
  await writeFile(join(dir, 'ca.crt'), 'second authority');
  clock.advance(59_000);
  assert.deepEqual(await told(), ['Bearer first', 'first authority']);
  clock.advance(1_000);
  assert.deepEqual(await told(), ['Bearer second', 'second authority']);
  await writeFile(join(dir, 'token'), 'third');
  access.refused();
  assert.deepEqual(await told(), ['Bearer third', 'second authority']);
});

test('a file that is missing is named', async (t) => {
  const { dir } = await serviceAccount(t);
  const access = await podAccess(environment, createManualClock(), dir);
  await rm(join(dir, 'ca.crt'));
  await assert.rejects(access.credentials(), new InputError('FileUnreadable', `the service account's ca.crt cannot be read from ${dir}`));
});

test('without the variables of a pod there is no cluster', async (t) => {
  const { dir } = await serviceAccount(t);
  await assert.rejects(podAccess({ KUBERNETES_SERVICE_PORT: '443' }, createManualClock(), dir), /KUBERNETES_SERVICE_HOST/);
  assert.equal(await isInPod({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, dir), false);
  assert.equal(await isInPod({ KUBERNETES_SERVICE_PORT: '443' }, dir), false);
  assert.equal(await isInPod(environment, `${dir}/nowhere`), false, 'a pod without a service account');
  assert.equal(await isInPod(environment, dir), true);
});
