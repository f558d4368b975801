import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { InputError, messageOf } from '../lib/errors.ts';
import { fileProblem } from '../lib/file-problem.ts';
import type { Credentials, KubeAccess, TlsMaterial } from './access.ts';
import { isInPod, podAccess, SERVICE_ACCOUNT_DIR } from './pod-access.ts';
import { remembered } from './remembered.ts';

/** The library reads CA and certificate files each time that it is asked. */
const KEEP_MS = 60_000;

/** What the library calls its guess, which is http://localhost:8080. */
const NO_CONTEXT = 'loaded-context';

/**
 * The API server that this process is meant to talk to: in a pod its own, as its service account; else that of the current context of $KUBECONFIG or ~/.kube/config,
 * in all the ways that kubectl can log in. Throws `InputError`.
 */
export async function loadKubeAccess(clock: Clock, serviceAccountDir = SERVICE_ACCOUNT_DIR): Promise<KubeAccess> {
  if (!process.env.KUBECONFIG && (await isInPod(process.env, serviceAccountDir))) return podAccess(process.env, clock, serviceAccountDir);
  return kubeConfigAccess(undefined, clock);
}

/** The API server of the current context of a kubeconfig file. Throws `InputError`. */
export function kubeConfigFileAccess(file: string, clock: Clock): Promise<KubeAccess> {
  return kubeConfigAccess(file, clock);
}

/** Which API server of which kubeconfig somebody has asked for. */
export interface KubeConfigChoice {
  /** Without it that of $KUBECONFIG, or ~/.kube/config. */
  readonly file?: string;
  /** Without it the current one. */
  readonly context?: string;
}

/** The API server of a context of a kubeconfig. Throws `InputError`. */
export function chosenKubeAccess({ file, context }: KubeConfigChoice, clock: Clock): Promise<KubeAccess> {
  return kubeConfigAccess(file, clock, context);
}

/** The library is loaded when it is needed: it takes half a second and 60 MB. */
async function kubeConfigAccess(file: string | undefined, clock: Clock, context?: string): Promise<KubeAccess> {
  const { findHomeDir, KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const named = file === undefined ? (namedInEnvironment() ?? inHome(findHomeDir())) : [file];
  if (named.length === 0) config.loadFromDefault();
  else config.loadFromOptions(merged(await Promise.all(named.map((path) => loaded(new KubeConfig(), path)))));
  if (config.getCurrentContext() === NO_CONTEXT)
    throw new InputError('Usage', 'there is no kubeconfig: name one in KUBECONFIG, or put it into ~/.kube/config');
  const files = named.join(', ');
  if (context !== undefined) choose(config, context, files);
  const current = config.getCurrentContext();
  if (!current)
    throw new InputError(
      'Usage',
      named.length > 1
        ? `none of the kubeconfigs ${files} names a current context: have one of them name one (current-context)`
        : `kubeconfig ${files} names no current context: have it name one (current-context), or give another file`,
    );
  const { cluster: clusterName, user, namespace = 'default' } = config.getContextObject(current) ?? {};
  if (clusterName === undefined) throw new InputError('Usage', `kubeconfig ${files} names context ${current}, which it does not have`);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new InputError('Usage', `context ${current} of kubeconfig ${files} names cluster ${clusterName}, which it does not have`);
  if (user && config.getCurrentUser() === null)
    throw new InputError('Usage', `context ${current} of kubeconfig ${files} names user ${user}, which it does not have`);
  if (cluster.proxyUrl?.startsWith('socks'))
    throw new InputError(
      'Usage',
      `cluster ${cluster.name} of kubeconfig ${files} is reached through a SOCKS proxy; only HTTP proxies are known here`,
    );
  const credentials = remembered(clock, KEEP_MS, () => credentialsOf(config));
  return {
    server: cluster.server,
    namespace,
    ...(cluster.proxyUrl ? { proxy: cluster.proxyUrl } : {}),
    credentials: credentials.get,
    refused: credentials.forget,
  };
}

/** The files of $KUBECONFIG that there are, as kubectl takes them; `undefined` where it names none. Throws `InputError` where there is none of those that it names. */
function namedInEnvironment(): readonly string[] | undefined {
  const named = process.env.KUBECONFIG?.split(delimiter).filter((path) => path !== '') ?? [];
  if (named.length === 0) return undefined;
  const found = named.filter((path) => existsSync(path));
  if (found.length > 0) return found;
  const which = named.length === 1 ? 'which is not' : 'none of which is';
  throw new InputError('FileUnreadable', `there is no kubeconfig: KUBECONFIG names ${named.join(', ')}, ${which} there`);
}

function inHome(home: string | null): readonly string[] {
  const path = join(home ?? '', '.kube', 'config');
  return home !== null && existsSync(path) ? [path] : [];
}

async function loaded(config: KubeConfig, path: string): Promise<KubeConfig> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InputError('FileUnreadable', `kubeconfig ${path}: ${fileProblem(cause)}`, { cause });
  }
  try {
    config.loadFromFile(path);
    return config;
  } catch (thrown) {
    // Without a cause: the library's errors quote the file, tokens included.
    throw new InputError('FileUnreadable', `kubeconfig ${await problemIn(text, path, thrown)}`);
  }
}

/** What is wrong with the text of a kubeconfig, with file and line where they are known. Quotes nothing of it. */
async function problemIn(text: string, path: string, thrown: unknown): Promise<string> {
  const { parseYamlDocuments } = await import('../manifest/yaml-documents.ts');
  const { documents, problems } = parseYamlDocuments(text, path);
  const [first] = problems;
  if (first !== undefined) return first.message;
  if (documents.length !== 1) return `${path}: ${documents.length === 0 ? 'it is empty' : 'it has several documents, and should have one'}`;
  const [missing] = /^(clusters|users|contexts)\[\d+\][.a-z]* is missing$/.exec(messageOf(thrown)) ?? [];
  return `${path}: ${missing ?? 'its clusters, users or contexts are not of the form that kubectl writes'}`;
}

/** Of what several files have the first counts, and so does the first current context: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ */
function merged(configs: readonly KubeConfig[]) {
  return {
    clusters: firstOfEach(configs.flatMap(({ clusters }) => clusters)),
    users: firstOfEach(configs.flatMap(({ users }) => users)),
    contexts: firstOfEach(configs.flatMap(({ contexts }) => contexts)),
    currentContext: configs.map((config) => config.getCurrentContext()).find((name) => name) ?? '',
  };
}

function firstOfEach<Named extends { readonly name: string }>(all: readonly Named[]): readonly Named[] {
  return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
}

function choose(config: KubeConfig, context: string, files: string): void {
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context))
    throw new InputError(
      'Usage',
      `kubeconfig ${files} has no context ${context}; it has ${known.length === 0 ? 'none' : known.join(', ')}`,
    );
  config.setCurrentContext(context);
}

/** Tokens, token files, client certificates, exec plugins and OpenID Connect, as the library applies them to a request of Node's. */
async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    const problem = isOfJson(cause) ? 'what its plugin prints is not JSON' : messageOf(cause);
    throw new InputError('FileUnreadable', `the kubeconfig's credentials cannot be had: ${problem}`, isOfJson(cause) ? {} : { cause });
  }
  const basic = typeof options.auth === 'string' ? { authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` } : {};
  const headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return { tls: tlsOf(options), headers: { ...basic, ...Object.fromEntries(headers) } };
}

/** A fault that the reader of JSON found, whose message quotes what was read: a token, for all that is known. */
function isOfJson(error: unknown): boolean {
  return error instanceof SyntaxError || (error instanceof Error && error.cause instanceof SyntaxError);
}

function tlsOf({ ca, cert, key, passphrase, servername, rejectUnauthorized }: RequestOptions): TlsMaterial {
  return {
    ...pem('ca', ca),
    ...pem('cert', cert),
    ...pem('key', key),
    ...(passphrase ? { passphrase } : {}),
    ...(servername ? { serverName: servername } : {}),
    ...(rejectUnauthorized === false ? { insecure: true } : {}),
  };
}

function pem<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) return {};
  return { [name]: value.toString() } as Partial<Record<Name, string>>;
}
