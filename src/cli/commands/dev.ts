import type { RunnerConfiguration } from '../../api/configuration.ts';
import { connectRabbitMq } from '../../broker/amqp.ts';
import { createEmbeddedBroker } from '../../broker/embedded.ts';
import { managementAdmin } from '../../broker/management.ts';
import type { BrokerConnection } from '../../broker/port.ts';
import type { TopologyAdmin } from '../../broker/topology.ts';
import { gatewayConfigurationFor } from '../../compile/compile.ts';
import { mergedTopology } from '../../compile/topology.ts';
import { systemClock } from '../../lib/clock.ts';
import { InputError } from '../../lib/errors.ts';
import { createLog, type Log, type LogFormat } from '../../lib/log.ts';
import { USER_AGENT } from '../../lib/version.ts';
import { createAnthropicModel } from '../../model/anthropic.ts';
import { createOfflineModel } from '../../model/offline.ts';
import { createSend, type OutgoingRequest } from '../../runner/outputs/send.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { createRedisStore } from '../../store/redis.ts';
import { capturingSend } from '../dev/capture.ts';
import { devSecrets } from '../dev/secrets.ts';
import { startSession } from '../dev/session.ts';
import type { ExitCode } from '../exit.ts';
import { load } from '../load.ts';

/** The flags of `eventagent dev`. */
export interface DevOptions {
  readonly port: number;
  readonly metricsPort: number;
  readonly rabbitmq?: string;
  readonly rabbitmqManagement?: string;
  readonly redis?: string;
  readonly offline: boolean;
  readonly captureOutputs: boolean;
  readonly log: LogFormat;
  readonly once: boolean;
}

/** Loopback only: `dev` is for the machine that it runs on. */
const HOST = '127.0.0.1';

/** `eventagent dev FILE|DIR…`: runs everything in this process until a signal, or, with `--once`, until the first run has ended. Throws before anything is started. */
export async function dev(paths: readonly string[], options: DevOptions, environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  const loaded = load(paths);
  const namespaces = [...new Set(loaded.agents.map(({ agent }) => agent.metadata.namespace))];
  const [namespace = 'default'] = namespaces;
  if (namespaces.length > 1) {
    throw new InputError(
      'Usage',
      `the agents are in several namespaces (${namespaces.join(', ')}): one dev process runs one, so give it the files of one`,
    );
  }
  const { secrets, keysFromEnvironment } = devSecrets(loaded, namespace, {
    ...options,
    apiKey: environment.ANTHROPIC_API_KEY || undefined,
  });
  const compiled = loaded.agents.map((agent) => agent.compiled);
  const log = createLog(options.log, (line) => process.stdout.write(line));
  const { connection, admin } = brokerFor(options);
  const store = options.redis === undefined ? createMemoryStore(systemClock) : createRedisStore({ url: options.redis, onError: () => {} });
  const offline = createOfflineModel();
  const send = createSend({ clock: systemClock, userAgent: USER_AGENT });

  let finish: (code: ExitCode) => void = () => {};
  const finished = new Promise<ExitCode>((resolve) => {
    finish = resolve;
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => finish(0));
  const session = await startSession({
    topology: mergedTopology(compiled.map(({ topology }) => topology)),
    runners: compiled.map(({ runner }) => runner),
    gateway: gatewayConfigurationFor(namespace, compiled).configuration,
    connection,
    admin,
    store,
    modelFor: (runner) => (options.offline ? offline : anthropicFor(runner, secrets)),
    sendFor: (runner) => (options.captureOutputs ? capturingSend((captured) => showCaptured(log, runner, captured)) : send),
    secrets,
    clock: systemClock,
    log,
    host: HOST,
    port: options.port,
    metricsPort: options.metricsPort,
    onRunEnd: ({ outcome }) => {
      if (options.once) finish(outcome === 'done' ? 0 : 1);
    },
  });
  announce(log, options, keysFromEnvironment);
  const webhooks = compiled.flatMap(({ routes }) => routes.map(({ path }) => `${session.gatewayUrl}${path}`));
  log.info('ready', { gateway: session.gatewayUrl, metrics: `${session.metricsUrl}/metrics`, webhooks });
  const code = await finished;
  await session.close();
  return code;
}

function brokerFor(options: DevOptions): { readonly connection: BrokerConnection; readonly admin: TopologyAdmin } {
  if (options.rabbitmq === undefined) {
    const broker = createEmbeddedBroker({ clock: systemClock });
    return { connection: broker.connect(), admin: broker.admin };
  }
  const { management, vhost } = managementTarget(options.rabbitmq, options.rabbitmqManagement);
  const admin = managementAdmin({ url: management, vhost });
  return { connection: connectRabbitMq({ url: options.rabbitmq, name: 'eventagent dev', clock: systemClock }), admin };
}

/** Where the management API is, unless it is said: the broker's host, user and password, at the port that RabbitMQ gives it. */
function managementTarget(amqp: string, given: string | undefined): { readonly management: string; readonly vhost: string } {
  if (!URL.canParse(amqp)) throw new InputError('Usage', '--rabbitmq: not a URL: give amqp://user:password@host:5672/vhost');
  const url = new URL(amqp);
  const vhost = url.pathname.length > 1 ? decodeURIComponent(url.pathname.slice(1)) : '/';
  const secure = url.protocol === 'amqps:';
  const credentials = url.username === '' ? 'guest:guest' : `${url.username}:${url.password}`;
  return { management: given ?? `${secure ? 'https' : 'http'}://${credentials}@${url.hostname}:${secure ? 15671 : 15672}`, vhost };
}

function anthropicFor(runner: RunnerConfiguration, secrets: (ref: RunnerConfiguration['model']['apiKeySecretRef']) => string | undefined) {
  const { apiKeySecretRef, baseUrl } = runner.model;
  return createAnthropicModel({
    apiKey: () => secrets(apiKeySecretRef),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    clock: systemClock,
    userAgent: USER_AGENT,
  });
}

/** What this session does not do, said before anybody relies on it. */
function announce(log: Log, options: DevOptions, keysFromEnvironment: number): void {
  if (options.rabbitmq === undefined)
    log.warn('embedded broker: events are in memory and end with this process; --rabbitmq URL puts a real one under it');
  if (options.redis === undefined)
    log.warn('in-memory store: what has been run is forgotten with this process; --redis URL puts a real one under it');
  if (options.offline) log.warn('offline: no model is called, answers are marked stand-ins');
  if (options.captureOutputs) log.warn('outputs are shown and not sent');
  if (keysFromEnvironment > 0 && !options.offline) log.info('the API key is taken from ANTHROPIC_API_KEY', { agents: keysFromEnvironment });
}

function showCaptured(log: Log, runner: RunnerConfiguration, { output, request, secretHeaders, idempotencyKey }: OutgoingRequest): void {
  const { method, url, headers, body } = request;
  const hidden = Object.fromEntries(Object.keys(secretHeaders).map((name) => [name, '(from a Secret)']));
  const agent = `${runner.agent.namespace}.${runner.agent.name}`;
  log.info('output captured', { agent, output, method, url, headers: { ...headers, ...hidden, 'idempotency-key': idempotencyKey }, body });
}
