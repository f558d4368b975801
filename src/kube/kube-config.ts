import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { InputError, messageOf } from '../lib/errors.ts';
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
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const named = file === undefined ? namedInEnvironment() : [file];
  if (named.length === 0) config.loadFromDefault();
  else config.loadFromOptions(merged(named.map((path) => loaded(new KubeConfig(), path))));
  if (config.getCurrentContext() === NO_CONTEXT)
    throw new InputError('Usage', 'there is no kubeconfig: name one in KUBECONFIG, or put it into ~/.kube/config');
  if (context !== undefined) choose(config, context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new InputError('Usage', `the kubeconfig's current context names no cluster: ${config.getCurrentContext()}`);
  const user = config.getContextObject(config.getCurrentContext())?.user;
  if (user && config.getCurrentUser() === null)
    throw new InputError('Usage', `context ${config.getCurrentContext()} of the kubeconfig names user ${user}, which it does not have`);
  if (cluster.proxyUrl?.startsWith('socks'))
    throw new InputError(
      'Usage',
      `cluster ${cluster.name} of the kubeconfig is reached through a SOCKS proxy; only HTTP proxies are known here`,
    );
  const credentials = remembered(clock, KEEP_MS, () => credentialsOf(config));
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    ...(cluster.proxyUrl ? { proxy: cluster.proxyUrl } : {}),
    credentials: credentials.get,
    refused: credentials.forget,
  };
}

/** The files of $KUBECONFIG that there are, as kubectl takes them. Throws `InputError` where there is none of those that it names. */
function namedInEnvironment(): readonly string[] {
  const named = process.env.KUBECONFIG?.split(delimiter).filter((path) => path !== '') ?? [];
  const found = named.filter((path) => existsSync(path));
  if (named.length > 0 && found.length === 0)
    throw new InputError('FileUnreadable', `there is no kubeconfig: KUBECONFIG names ${named.join(', ')}, which is not there`);
  return found;
}

function loaded(config: KubeConfig, path: string): KubeConfig {
  try {
    config.loadFromFile(path);
    return config;
  } catch (cause) {
    throw new InputError('FileUnreadable', `kubeconfig ${path} cannot be used: ${messageOf(cause)}`, { cause });
  }
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

function choose(config: KubeConfig, context: string): void {
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context))
    throw new InputError('Usage', `the kubeconfig has no context ${context}; it has ${known.length === 0 ? 'none' : known.join(', ')}`);
  config.setCurrentContext(context);
}

/** Tokens, token files, client certificates, exec plugins and OpenID Connect, as the library applies them to a request of Node's. */
async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw new InputError('FileUnreadable', `the kubeconfig's credentials cannot be had: ${messageOf(cause)}`, { cause });
  }
  const basic = typeof options.auth === 'string' ? { authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` } : {};
  const headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return { tls: tlsOf(options), headers: { ...basic, ...Object.fromEntries(headers) } };
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
