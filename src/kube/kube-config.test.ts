import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { createManualClock } from '../../test/support/manual-clock.ts';
import type { InputError } from '../lib/errors.ts';
import { chosenKubeAccess, kubeConfigFileAccess, loadKubeAccess } from './kube-config.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Config {
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly currentContext?: string;
}

const configOf = ({ cluster, user, context, currentContext = 'here' }: Config) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': currentContext,
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/', ...cluster } }],
    users: [{ name: 'u', user: user ?? {} }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...context } }],
  });

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function accessOf(t: TestContext, config: Config, clock = createManualClock()) {
  const file = join(await folder(t), 'config');
  await writeFile(file, configOf(config));
  return { access: await kubeConfigFileAccess(file, clock), file, clock };
}

test('a token and an authority', async (t) => {
  const { access } = await accessOf(t, {
    cluster: { 'certificate-authority-data': base64('authority') },
    user: { token: 'abc' },
    context: { namespace: 'team' },
  });
  assert.equal(access.server, 'https://api.example:6443');
  assert.equal(access.namespace, 'team');
  assert.equal(access.proxy, undefined);
  assert.deepEqual(await access.credentials(), { tls: { ca: 'authority' }, headers: { authorization: 'Bearer abc' } });
});

test('a client certificate, from files beside the kubeconfig that are read again after a minute', async (t) => {
  const { access, file, clock } = await accessOf(t, { user: { 'client-certificate': 'tls.crt', 'client-key': 'tls.key' } });
  await assert.rejects(access.credentials(), { name: 'InputError', code: 'FileUnreadable' });
  await writeFile(join(file, '../tls.crt'), 'certificate');
  await writeFile(join(file, '../tls.key'), 'key');
  assert.deepEqual(await access.credentials(), { tls: { cert: 'certificate', key: 'key' }, headers: {} });
  await writeFile(join(file, '../tls.crt'), 'another');
  assert.equal((await access.credentials()).tls.cert, 'certificate');
  clock.advance(60_000);
  assert.equal((await access.credentials()).tls.cert, 'another');
});

test('a plugin that is run for a token, once until a refusal', async (t) => {
  const dir = await folder(t);
  const plugin = `
    const { readFileSync, writeFileSync } = require('node:fs');
    const count = Number(readFileSync('${dir}/count', 'utf8')) + 1;
    writeFileSync('${dir}/count', String(count));
    const expirationTimestamp = new Date(Date.now() - 1000).toISOString();
    console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'token ' + count, expirationTimestamp } }));`;
  await writeFile(join(dir, 'count'), '0');
  const { access } = await accessOf(t, {
    user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', plugin] } },
  });
  assert.equal((await access.credentials()).headers.authorization, 'Bearer token 1');
  assert.equal((await access.credentials()).headers.authorization, 'Bearer token 1');
  access.refused();
  assert.equal((await access.credentials()).headers.authorization, 'Bearer token 2');
});

test('a plugin that fails is said to', async (t) => {
  const { access } = await accessOf(t, {
    user: { exec: { command: process.execPath, args: ['-e', 'console.error("log in first"); process.exit(1)'] } },
  });
  await assert.rejects(access.credentials(), /credentials cannot be had: log in first/);
});

test('a plugin that prints its token as it is: nothing of it is said', async (t) => {
  const { access } = await accessOf(t, { user: { exec: { command: process.execPath, args: ['-e', 'console.log("SECRET")'] } } });
  await assert.rejects(access.credentials(), (error: InputError) => /not JSON$/.test(error.message) && !inspect(error).includes('SECRET'));
});

test('a user and a password, a server name, an unverified server, a proxy, somebody else', async (t) => {
  const { access } = await accessOf(t, {
    cluster: { 'tls-server-name': 'api.internal', 'insecure-skip-tls-verify': true, 'proxy-url': 'http://proxy:3128' },
    user: { username: 'me', password: 'x:y', as: 'other' },
  });
  assert.equal(access.proxy, 'http://proxy:3128');
  assert.deepEqual(await access.credentials(), {
    tls: { serverName: 'api.internal', insecure: true },
    headers: { authorization: `Basic ${base64('me:x:y')}`, 'impersonate-user': 'other' },
  });
});

for (const [what, config, message] of [
  ['a context that is not there', { currentContext: 'there' }, /kubeconfig \/.*config names context there, which it does not have/],
  [
    'a cluster that is not there',
    { context: { cluster: 'x' } },
    /context here of kubeconfig \/.*config names cluster x, which it does not have/,
  ],
  [
    'a user that is not there',
    { context: { user: 'nobody' } },
    /context here of kubeconfig \/.*config names user nobody, which it does not have/,
  ],
  ['no current context', { currentContext: '' }, /kubeconfig \/.*config names no current context: /],
  ['a SOCKS proxy', { cluster: { 'proxy-url': 'socks5://proxy:1080' } }, /SOCKS/],
] as const)
  test(`${what} is refused`, (t) => assert.rejects(accessOf(t, config), { name: 'InputError', message }));

const users = 'users:\n- name: u\n  user:\n    client: x\n';
for (const [what, text, says] of [
  ['a token that is indented too deep', `${users}      token: SECRET\n`, ':5: this line is indented deeper than '],
  ['a quote that is not closed', `${users}    token: "SECRET\n`, ':5: a quote that is opened here is not closed'],
  ['a token twice', `${users}    token: SECRET\n    token: SECRET\n`, ':6: Map keys must be unique'],
  ['several documents', '{}\n---\n{ token: SECRET }\n', ': it has several documents'],
  ['nothing', '', ': it is empty'],
  ['a user without a name', 'users: [{ user: { token: SECRET } }]', ': users[0].name is missing'],
  ['a list of tokens', 'clusters: [{ name: c, cluster: { server: [SECRET] } }]', ': its clusters, users or contexts are not of the form'],
  ['a manifest', 'kind: Secret\nstringData: { token: SECRET }\n', ' names no current context'],
] as const)
  test(`a kubeconfig with ${what} is refused with its place, and nothing of it is said`, async (t) => {
    const file = join(await folder(t), 'config');
    await writeFile(file, text);
    await assert.rejects(kubeConfigFileAccess(file, createManualClock()), (error: InputError) => {
      assert.equal(error.name, 'InputError');
      assert.ok(error.message.startsWith(`kubeconfig ${file}${says}`), error.message);
      assert.ok(!inspect(error).includes('SECRET'));
      return true;
    });
    process.env.HOME = await folder(t);
    delete process.env.KUBECONFIG;
    await mkdir(join(process.env.HOME, '.kube'));
    await writeFile(join(process.env.HOME, '.kube', 'config'), text);
    await assert.rejects(loadKubeAccess(createManualClock()), (error: InputError) => {
      assert.equal(error.name, 'InputError');
      return !inspect(error).includes('SECRET');
    });
  });

test('a kubeconfig that cannot be read is refused', async (t) => {
  const dir = await folder(t);
  for (const [path, says] of [
    [join(dir, 'config'), 'there is no such file or directory'],
    [dir, 'it is a directory, and should be a file'],
  ] as const)
    await assert.rejects(kubeConfigFileAccess(path, createManualClock()), {
      name: 'InputError',
      code: 'FileUnreadable',
      message: `kubeconfig ${path}: ${says}`,
    });
});

test('a kubeconfig of the environment counts for more than the pod', async (t) => {
  const [file, dir] = [join(await folder(t), 'config'), await folder(t)];
  await writeFile(file, configOf({ user: { token: 'abc' } }));
  for (const name of ['token', 'ca.crt', 'namespace']) await writeFile(join(dir, name), name);
  Object.assign(process.env, { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' });
  delete process.env.KUBECONFIG;
  assert.equal((await loadKubeAccess(createManualClock(), dir)).server, 'https://10.96.0.1:443');
  process.env.KUBECONFIG = file;
  assert.equal((await loadKubeAccess(createManualClock(), dir)).server, 'https://api.example:6443');
});

test('a context by its name, of a file or of the environment, and the current one without', async (t) => {
  const dir = await folder(t);
  const files = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const file = join(dir, name);
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'test',
        clusters: ['test', 'prod'].map((cluster) => ({ name: cluster, cluster: { server: `https://${cluster}.${name}:6443` } })),
        users: [{ name: 'u', user: { token: name } }],
        contexts: ['test', 'prod'].map((context) => ({ name: context, context: { cluster: context, user: 'u' } })),
      };
      await writeFile(file, JSON.stringify(config));
      return file;
    }),
  );
  const [one = '', two = ''] = files;
  process.env.KUBECONFIG = one;
  const clock = createManualClock();
  const server = async (choice: Parameters<typeof chosenKubeAccess>[0]) => (await chosenKubeAccess(choice, clock)).server;
  assert.equal(await server({}), 'https://test.one:6443');
  assert.equal(await server({ context: 'prod' }), 'https://prod.one:6443');
  assert.equal(await server({ file: two }), 'https://test.two:6443');
  assert.equal(await server({ file: two, context: 'prod' }), 'https://prod.two:6443');
  assert.deepEqual(await (await chosenKubeAccess({ file: two, context: 'prod' }, clock)).credentials(), {
    tls: {},
    headers: { authorization: 'Bearer two' },
  });
  await assert.rejects(server({ context: 'live' }), {
    name: 'InputError',
    message: `kubeconfig ${one} has no context live; it has test, prod`,
  });
});

test('several files in the environment are read as kubectl reads them: those that are missing are left out, and the first counts', async (t) => {
  const dir = await folder(t);
  const [one, two, none] = [join(dir, 'one'), join(dir, 'two'), join(dir, 'none')];
  const other = {
    clusters: [{ name: 'd', cluster: { server: 'https://d.example' } }],
    contexts: [{ name: 'other', context: { cluster: 'd' } }],
  };
  await writeFile(one, configOf({ cluster: { server: 'https://one.example' } }));
  await writeFile(two, JSON.stringify({ ...JSON.parse(configOf({ currentContext: 'other' })), ...other }));
  const server = async (files: readonly string[], context?: string) => {
    process.env.KUBECONFIG = files.join(delimiter);
    return (await chosenKubeAccess(context === undefined ? {} : { context }, createManualClock())).server;
  };
  assert.equal(await server([none, '', one, two]), 'https://one.example');
  assert.equal(await server([two, one]), 'https://d.example');
  assert.equal(await server([one, two], 'other'), 'https://d.example');
  await assert.rejects(server([none, `${none}-either`]), {
    name: 'InputError',
    message: `there is no kubeconfig: KUBECONFIG names ${none}, ${none}-either, none of which is there`,
  });
  await assert.rejects(server([none]), { message: `there is no kubeconfig: KUBECONFIG names ${none}, which is not there` });
  await writeFile(one, '{}');
  await writeFile(two, '{}');
  await assert.rejects(server([one, two]), { message: /^none of the kubeconfigs .*one, .*two names a current context/ });
});

test('without any kubeconfig it is said that there is none', async (t) => {
  delete process.env.KUBECONFIG;
  process.env.HOME = await folder(t);
  await assert.rejects(loadKubeAccess(createManualClock()), { name: 'InputError', message: /^there is no kubeconfig/ });
});
