import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { debianRoot } from './debian-root.ts';
import { reservePorts } from './ports.ts';
import { type Server, startServer } from './server.ts';
import { workFolder } from './work-folder.ts';

/** Where a Redis is; the URL names no database. */
export interface RedisAddress {
  readonly url: string;
}

/** A Redis of our own; it may be killed, frozen and restarted. Killed, it keeps what it has answered: it writes every change to disk first. */
export interface RedisServer extends RedisAddress, Server {
  /** The same by TLS; nobody listens there unless the server was started with a certificate. */
  readonly tlsUrl: string;
}

/** Servers that speak Redis's protocol. */
export type StoreKind = 'redis' | 'valkey';

/** How a server deviates from the usual one, which is appendonly, fsync on every write, and never evicts. */
export interface RedisOptions {
  /** Default `redis`. */
  readonly kind?: StoreKind;
  /** Further options of redis-server, e.g. `['--maxmemory-policy', 'allkeys-lru']`. */
  readonly arguments?: readonly string[];
  /** A certificate in PEM, by which it listens with TLS, too. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Where the server keeps its files, as it sees them. */
const DATA = '/home';

/** Each test file takes databases of its own and none is used twice. */
const DATABASES = 4096;

/** Starts a Redis with its own data and port, and waits until it answers. Throws `PartUnavailable` where this machine cannot have it. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { kind = 'redis' } = options;
  const root = await debianRoot({ name: kind, suite: 'trixie', packages: ['base-files', `${kind}-server`] });
  const ports = await reservePorts(2);
  const [port = 0, tlsPort = 0] = ports.numbers;
  const folder = await workFolder(kind);
  const url = `redis://127.0.0.1:${port}`;
  const listen = ['--port', String(port), '--bind', '127.0.0.1', '--databases', String(DATABASES)];
  const keep = ['--dir', DATA, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
  const secure = options.tls === undefined ? [] : await secureArguments(folder, tlsPort, options.tls);
  const server = await startServer({
    name: kind === 'redis' ? 'Redis' : 'Valkey',
    program: {
      root,
      mounts: { [DATA]: folder },
      environment: { LC_ALL: 'C' },
      command: [`/usr/bin/${kind}-server`, ...listen, ...secure, ...keep, ...(options.arguments ?? [])],
    },
    folder,
    log: join(folder, 'output.log'),
    ports,
    // Anything but PONG means that it still loads its data.
    isReady: () =>
      withClient(url, (client) => client.ping()).then(
        (answer) => answer === 'PONG',
        () => false,
      ),
    startDeadlineMs: 30_000,
  });
  return { ...server, url, tlsUrl: `rediss://127.0.0.1:${tlsPort}` };
}

/** Leaves a certificate where the server sees it; the options that make it listen with TLS. */
async function secureArguments(folder: string, port: number, { key, cert }: { readonly key: string; readonly cert: string }) {
  await writeFile(join(folder, 'certificate.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
  const files = ['--tls-cert-file', `${DATA}/certificate.pem`, '--tls-key-file', `${DATA}/key.pem`];
  return ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no', '--tls-ca-cert-file', `${DATA}/certificate.pem`];
}

/** Lends a connection that tries once. */
async function withClient<Result>(url: string, use: (client: Redis) => Promise<Result>): Promise<Result> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  // The failed command says the same.
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    client.disconnect();
  }
}

let shared: Promise<RedisAddress> | undefined;

/**
 * A server for all tests: the one that `EVENTAGENT_TEST_REDIS` names, else one that ends with this process. Whoever shares it takes a database of their own
 * and does not stop or freeze it: for that there is `startRedis`.
 */
export function sharedRedis(): Promise<RedisAddress> {
  const url = process.env.EVENTAGENT_TEST_REDIS;
  shared ??= url ? Promise.resolve({ url }) : startRedis();
  return shared;
}

/** A database of our own on a server: its URL names it. Disposing empties it. */
export interface RedisDatabase extends RedisAddress, AsyncDisposable {}

/** Takes a database of the server that nobody has had before. */
export async function freshDatabase(server: RedisAddress): Promise<RedisDatabase> {
  const number = await withClient(server.url, async (client) => {
    const [, databases] = (await client.config('GET', 'databases')) as string[];
    const next = await client.incr('eventagent-test-databases');
    if (next >= Number(databases))
      throw new Error(`the Redis for tests has no database left of its ${databases}: start it with more (--databases ${DATABASES})`);
    return next;
  });
  const url = `${server.url}/${number}`;
  return {
    url,
    async [Symbol.asyncDispose]() {
      await withClient(url, (client) => client.flushdb());
    },
  };
}
