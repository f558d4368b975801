import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { debianRoot } from './debian-root.ts';
import { reservePorts } from './ports.ts';
import { commandFor, type Program } from './private-process.ts';
import { type Server, startServer } from './server.ts';
import { PartUnavailable } from './unavailable.ts';
import { manage } from './vhost.ts';
import { workFolder } from './work-folder.ts';

/** The versions that everything is tested on. */
export const rabbitVersions = ['3.10', '4.0', '4.3'] as const;

/** A version that everything is tested on. */
export type RabbitVersion = (typeof rabbitVersions)[number];

/** The Debian suite that has a version. sid moves on: a root that was made stays in the cache and keeps its version. */
const suites = { '3.10': 'bookworm', '4.0': 'trixie', '4.3': 'sid' } as const satisfies Record<RabbitVersion, string>;

/** Where a RabbitMQ is. Both URLs hold user and password; the AMQP one names no virtual host. */
export interface RabbitAddress {
  readonly version: RabbitVersion;
  readonly amqpUrl: string;
  readonly managementUrl: string;
}

/** A RabbitMQ of our own; it may be killed, frozen and restarted. */
export interface RabbitServer extends RabbitAddress, Server {
  /** Name and host of the node. */
  readonly nodeName: string;
  /** The same by TLS; nobody listens there unless the server was started with a certificate. */
  readonly amqpsUrl: string;
  /** `rabbitmqctl` with these arguments; what it printed. */
  ctl(...args: readonly string[]): Promise<string>;
  /**
   * Makes it write down which quorum queues it has. By itself it does so up to 3 s after a declaration (the delayed write of Erlang's dets): killed before, a 3.10 or 4.0
   * comes back with a queue that never has a leader again, and what it had confirmed is lost. To be called before `kill` where queues are new.
   */
  keepQueues(): Promise<void>;
}

/** Which node of a cluster a server is. */
export interface RabbitNode {
  /** What stands before `@localhost`. */
  readonly name: string;
  /** Of the epmd that all of them share. */
  readonly epmdPort: number;
  readonly cookie: string;
}

/** How a server deviates from the usual one. */
export interface RabbitOptions {
  /** By default a node alone, with an epmd of its own. */
  readonly node?: RabbitNode;
  /** The broker's `consumer_timeout`: how long it lets a delivery go unsettled. It looks twice a second, not once a minute. */
  readonly consumerTimeoutMs?: number;
  /** Counts queues as often as it does without a configuration, every 5 s, and not ten times as often as suits a test. With thousands of queues that counts. */
  readonly usualStatistics?: boolean;
  /** Further lines of rabbitmq.conf. */
  readonly configuration?: readonly string[];
  /** A certificate in PEM, by which it listens with TLS, too. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Where the server keeps its files, as it sees them. */
const HOME = '/var/lib/rabbitmq';

/** Starts a RabbitMQ with its own data and ports, and waits until it answers. Throws `PartUnavailable` where this machine cannot have it. */
export async function startRabbitMq(version: RabbitVersion, options: RabbitOptions = {}): Promise<RabbitServer> {
  const root = await rabbitRoot(version);
  const ports = await reservePorts(5);
  const [amqpPort = 0, managementPort = 0, distributionPort = 0, ownEpmdPort = 0, amqpsPort = 0] = ports.numbers;
  const { name = 'test', epmdPort = ownEpmdPort, cookie } = options.node ?? {};
  const nodeName = `${name}@localhost`;
  const folder = await workFolder(`rabbitmq-${version}`);
  await writeConfiguration(folder, { amqpPort, managementPort, amqpsPort }, options);
  if (cookie !== undefined) await writeFile(join(folder, 'home/.erlang.cookie'), cookie, { mode: 0o400 });
  const programFor = (...command: Program['command']): Program => ({
    root,
    mounts: { [HOME]: folder, '/etc/hosts': join(folder, 'hosts') },
    environment: environmentFor(nodeName, distributionPort, epmdPort),
    command,
  });
  const managementUrl = `http://guest:guest@127.0.0.1:${managementPort}`;
  const server = await startServer({
    name: `RabbitMQ ${version}`,
    program: programFor('/usr/lib/rabbitmq/bin/rabbitmq-server'),
    folder,
    log: join(folder, 'output.log'),
    ports,
    isReady: () =>
      manage({ managementUrl }, 'GET', `/api/health/checks/port-listener/${amqpPort}`).then(
        () => true,
        () => false,
      ),
    startDeadlineMs: 90_000,
  });
  const ctl = async (...args: readonly string[]) => {
    const program = programFor('/usr/lib/rabbitmq/bin/rabbitmqctl', '-n', nodeName, ...args);
    const [command, all] = await commandFor(program);
    return await run(command, all, { env: program.environment });
  };
  return {
    ...server,
    version,
    nodeName,
    amqpUrl: `amqp://guest:guest@127.0.0.1:${amqpPort}`,
    amqpsUrl: `amqps://guest:guest@127.0.0.1:${amqpsPort}`,
    managementUrl,
    ctl,
    async keepQueues() {
      await ctl('eval', '[ok = dets:sync(Table) || Table <- dets:all()].');
    },
  };
}

/** The folder with a version's programs. Throws `PartUnavailable` where this machine cannot have them. */
export async function rabbitRoot(version: RabbitVersion): Promise<string> {
  const suite = suites[version];
  // Essential packages are nobody's dependency, so those that RabbitMQ's scripts call are named.
  const packages = ['base-files', 'base-passwd', 'dash', 'coreutils', 'sed', 'grep', 'rabbitmq-server'];
  return await debianRoot({ name: `rabbitmq-${version}`, suite, packages }, async (folder) => {
    const found = (await readdir(join(folder, 'usr/lib/rabbitmq/lib'))).find((name) => name.startsWith('rabbitmq_server-'))?.slice(16);
    if (!`${found}.`.startsWith(`${version}.`)) {
      throw new PartUnavailable(
        `Debian ${suite} has RabbitMQ ${found}, no longer ${version}`,
        `name a suite that has ${version} in test/parts/rabbitmq.ts, or test against ${found} there; or set ${variableOf(version)}="AMQP_URL MANAGEMENT_URL"`,
      );
    }
    await writeFile(join(folder, 'etc/hosts'), '');
  });
}

async function writeConfiguration(
  folder: string,
  { amqpPort, managementPort, amqpsPort }: Readonly<Record<'amqpPort' | 'managementPort' | 'amqpsPort', number>>,
  options: RabbitOptions,
): Promise<void> {
  for (const name of ['mnesia', 'log', 'home']) await mkdir(join(folder, name));
  const { tls } = options;
  const consumerTimeout =
    options.consumerTimeoutMs === undefined ? '' : `,{consumer_timeout,${options.consumerTimeoutMs}},{channel_tick_interval,500}`;
  const files: Readonly<Record<string, readonly string[]>> = {
    hosts: ['127.0.0.1 localhost'],
    'rabbitmq.conf': [
      `listeners.tcp.1 = 127.0.0.1:${amqpPort}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${managementPort}`,
      'vm_memory_high_watermark.absolute = 1GB',
      'disk_free_limit.absolute = 50MB',
      ...(tls === undefined
        ? []
        : [
            `listeners.ssl.1 = 127.0.0.1:${amqpsPort}`,
            `ssl_options.certfile = ${HOME}/certificate.pem`,
            `ssl_options.keyfile = ${HOME}/key.pem`,
          ]),
      ...(options.configuration ?? []),
    ],
    ...(tls === undefined ? {} : { 'certificate.pem': [tls.cert], 'key.pem': [tls.key] }),
    'advanced.config': [
      // The management API counts every half second instead of every 5 s, and a dead-letter move that was refused is tried again after 3 s instead of 180 s.
      `[{rabbit,[${options.usualStatistics ? '' : '{collect_statistics_interval,500},{quorum_tick_interval,500},'}`,
      `{dead_letter_worker_publisher_confirm_timeout,3000}${consumerTimeout}]},`,
      ' {rabbitmq_management,[{sample_retention_policies,[{global,[{60,1}]},{basic,[{60,1}]},{detailed,[{10,1}]}]}]}].',
    ],
    enabled_plugins: ['[rabbitmq_management].'],
    'rabbitmq-env.conf': [],
  };
  for (const [name, lines] of Object.entries(files)) await writeFile(join(folder, name), `${lines.join('\n')}\n`);
}

function environmentFor(nodeName: string, distributionPort: number, epmdPort: number): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: `${HOME}/home`,
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_MNESIA_BASE: `${HOME}/mnesia`,
    RABBITMQ_LOG_BASE: `${HOME}/log`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_CONFIG_FILE: `${HOME}/rabbitmq.conf`,
    RABBITMQ_ADVANCED_CONFIG_FILE: `${HOME}/advanced.config`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${HOME}/enabled_plugins`,
    // Named so that /etc/rabbitmq/rabbitmq-env.conf is not read.
    RABBITMQ_CONF_ENV_FILE: `${HOME}/rabbitmq-env.conf`,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Makes the start script exec, so that no shell stays between us and the server.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
}

/** The environment variable that says where a running server of a version is: the AMQP URL and the management URL, with a blank between. */
export function variableOf(version: RabbitVersion): string {
  return `EVENTAGENT_TEST_RABBITMQ_${version.replace('.', '')}`;
}

const shared = new Map<RabbitVersion, Promise<RabbitAddress>>();

/**
 * A server for all tests of a version: the one that the environment names, else one that ends with this process. Whoever shares it takes a virtual host of their own
 * and does not stop, freeze or alarm it: for that there is `startRabbitMq`.
 */
export function sharedRabbitMq(version: RabbitVersion): Promise<RabbitAddress> {
  let server = shared.get(version);
  if (server === undefined) {
    const [amqpUrl, managementUrl] = (process.env[variableOf(version)] ?? '').split(' ');
    server = amqpUrl && managementUrl ? Promise.resolve({ version, amqpUrl, managementUrl }) : startRabbitMq(version);
    shared.set(version, server);
  }
  return server;
}
