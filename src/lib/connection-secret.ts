import { X509Certificate } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { InputError, messageOf } from './errors.ts';
import { parseServerUrl } from './server-url.ts';

/** Where a server is and how to log in there. */
export interface ServerAddress {
  /** Holds user and password: never to be logged. */
  readonly url: string;
  /** The CA certificates, in PEM, that the server's certificate must be signed by; without them those that this system trusts. */
  readonly ca?: string;
}

/** A kind of server that connection Secrets lead to. */
export interface ServerKind {
  /** How messages call it. */
  readonly what: string;
  /** Schemes of URLs, without a colon. */
  readonly scheme: string;
  readonly tlsScheme: string;
  /** The port that means TLS where there is no `connection_string`, if there is one. */
  readonly tlsPort?: number;
  /** Whether there is no login without user and password. */
  readonly needsLogin: boolean;
  /** What the path of a URL is: a virtual host, which the key `vhost` can name, too, or the number of a database. */
  readonly path: 'vhost' | 'database';
  /** What a URL looks like. */
  readonly example: string;
}

/**
 * Reads the connection Secret that the kubelet has mounted at `folder`: `connection_string`, or `host`, `port`, `username`, `password` and optionally `vhost`, as
 * RabbitMQ's cluster operator writes them (https://www.rabbitmq.com/kubernetes/operator/using-operator#find), beside it optionally `ca.crt`.
 * Line breaks at the end of a value are dropped. Without a `connection_string` there is TLS where there is a `ca.crt`, or the port is the kind's port for TLS.
 * All values are of one version of the Secret, also while it is swapped. May be repeated, to see a rotated one.
 * Throws `InputError` (`FileUnreadable`, `InvalidResource`, `Usage`) that says what to do and never holds a value.
 */
export function readConnectionSecret(folder: string, kind: ServerKind): ServerAddress {
  const values = readValues(folder, kind);
  const label = `the connection Secret of ${kind.what} at ${folder}`;
  const fail = (problem: string): never => {
    throw new InputError('InvalidResource', `${label}: ${problem}`);
  };
  const { 'ca.crt': ca } = values;
  if (ca !== undefined) assertCertificates(ca, fail);
  const given = values.connection_string ?? urlOf(values, kind, fail);
  const { pathname } = parseServerUrl(`${label}: connection_string`, given, [`${kind.scheme}:`, `${kind.tlsScheme}:`], kind.example);
  if (kind.path === 'database' && !/^\/?\d*$/.test(pathname)) fail('the path of connection_string is the number of a database, e.g. /0');
  const url = kind.path === 'vhost' ? withVhost(given, pathname, values.vhost, fail) : given;
  if (ca === undefined) return { url };
  if (!url.startsWith(`${kind.tlsScheme}:`))
    fail(`it has a ca.crt, but connection_string asks for no TLS: write ${kind.tlsScheme}:// there, or remove ca.crt`);
  return { url, ca };
}

const KEYS = ['connection_string', 'host', 'port', 'username', 'password', 'vhost', 'ca.crt'] as const;

type Values = Partial<Readonly<Record<(typeof KEYS)[number], string>>>;

type Fail = (problem: string) => never;

function readValues(folder: string, kind: ServerKind): Values {
  try {
    return valuesIn(versionIn(folder));
  } catch {
    // The version that was there a moment ago can have been swapped for the next one.
    try {
      return valuesIn(versionIn(folder));
    } catch (cause) {
      const message = `the connection Secret of ${kind.what} cannot be read (${messageOf(cause)}): create the Secret, or correct the path`;
      throw new InputError('FileUnreadable', message, { cause });
    }
  }
}

/** The folder of the present version: the kubelet swaps the link `..data`. */
function versionIn(folder: string): string {
  try {
    return realpathSync(join(folder, '..data'));
  } catch {
    return realpathSync(folder);
  }
}

function valuesIn(folder: string): Values {
  const entries = KEYS.flatMap((key) => {
    try {
      const value = readFileSync(join(folder, key), 'utf8').replace(/[\r\n]+$/, '');
      return value === '' ? [] : [[key, value]];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
  // A folder that went away while it was read looks empty.
  realpathSync(folder);
  return Object.fromEntries(entries) as Values;
}

function urlOf({ host, port, username, password, vhost, 'ca.crt': ca }: Values, kind: ServerKind, fail: Fail): string {
  const needed = { host, port, ...(kind.needsLogin ? { username, password } : {}) };
  const missing = Object.entries(needed).flatMap(([key, value]) => (value === undefined ? [key] : []));
  if (host === undefined || port === undefined || missing.length > 0)
    return fail(`it needs connection_string, or ${Object.keys(needed).join(', ')}: there is no ${missing.join(', no ')}`);
  if (!/^[A-Za-z0-9._:-]+$/.test(host)) return fail('host is no host name and no IP address');
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return fail('port is no number from 1 to 65535');
  const scheme = ca !== undefined || Number(port) === kind.tlsPort ? kind.tlsScheme : kind.scheme;
  const login =
    username === undefined && password === undefined ? '' : `${encodeURIComponent(username ?? '')}:${encodeURIComponent(password ?? '')}@`;
  const path = kind.path === 'vhost' ? encodeURIComponent(vhost ?? '') : '';
  return `${scheme}://${login}${isIPv6(host) ? `[${host}]` : host}:${port}/${path}`;
}

/** A connection string that names no virtual host, as the cluster operator's, gets the one of the key beside it. */
function withVhost(url: string, pathname: string, vhost: string | undefined, fail: Fail): string {
  const named = decodeURIComponent(pathname.slice(1));
  if (vhost === undefined || named === vhost) return url;
  if (named !== '') return fail('connection_string and vhost name different virtual hosts: remove one of them');
  const whole = new URL(url);
  whole.pathname = `/${encodeURIComponent(vhost)}`;
  return whole.href;
}

function assertCertificates(pem: string, fail: Fail): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) fail('ca.crt holds no certificate in PEM');
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch {
      fail('ca.crt holds something that is no certificate');
    }
  }
}
