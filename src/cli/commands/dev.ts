import type { RunnerConfiguration } from '../../api/configuration.ts';
import { gatewayConfigurationFor } from '../../compile/compile.ts';
import { mergedTopology } from '../../compile/topology.ts';
import { systemClock } from '../../lib/clock.ts';
import { readEnvironment } from '../../lib/environment.ts';
import { InputError } from '../../lib/errors.ts';
import { createLog, type Log, type LogFormat } from '../../lib/log.ts';
import { tracerFor, tracingVariables } from '../../lib/otlp-environment.ts';
import { createOfflineModel } from '../../model/offline.ts';
import type { OutgoingRequest } from '../../runner/outputs/send.ts';
import { capturingSend } from '../dev/capture.ts';
import { endingOf, endOfOthers } from '../dev/ending.ts';
import { brokerFor, storeFor, withRemedy } from '../dev/parts.ts';
import { devSchedules, scheduleLine, scheduleNamed } from '../dev/schedules.ts';
import { devSecrets } from '../dev/secrets.ts';
import { type Session, startSession } from '../dev/session.ts';
import { type TypedTriggers, typedTriggersOf } from '../dev/typed-triggers.ts';
import { rabbitMqOf, redisOf, type UrlFlags } from '../dev/url-flags.ts';
import { type Door, doorsOf, type UserExchange, userExchangesOf } from '../dev/user-exchanges.ts';
import { type ExitCode, RefusedInput } from '../exit.ts';
import { type Loaded, load, redrivesLeftOut } from '../load.ts';
import { warningsIn } from '../warnings.ts';

/** The flags of `eventagent dev`. */
export interface DevOptions extends UrlFlags {
  readonly port: number;
  readonly metricsPort: number;
  readonly offline: boolean;
  readonly captureOutputs: boolean;
  readonly log: LogFormat;
  readonly once: boolean;
  /** Name of a schedule to be run at once. */
  readonly fire?: string;
}

/** Loopback only: `dev` is for the machine that it runs on. */
const HOST = '127.0.0.1';

/**
 * `eventagent dev FILE|DIR…`: runs everything in this process until a signal, until nobody takes its output any more (`lost`), or, with `--once`, until the first event
 * is settled. Throws before anything is started.
 */
export async function dev(
  paths: readonly string[],
  options: DevOptions,
  environment: NodeJS.ProcessEnv,
  lost: AbortSignal,
): Promise<ExitCode> {
  if (options.port === options.metricsPort && options.port !== 0)
    throw new InputError('Usage', `--port and --metrics-port are both ${options.port}: choose another one for one of them`);
  const rabbitMq = rabbitMqOf(options);
  const redis = redisOf(options);
  const loaded = load(paths);
  if (loaded.agents.length === 0 && loaded.schedules.length === 0) throw new RefusedInput(redrivesLeftOut(loaded));
  const namespace = soleNamespaceOf(loaded);
  const { secrets, keysFromEnvironment } = devSecrets(loaded, namespace, {
    ...options,
    apiKey: environment.ANTHROPIC_API_KEY || undefined,
  });
  const schedules = devSchedules(loaded.schedules);
  const fire = options.fire === undefined ? undefined : scheduleNamed(schedules, options.fire);
  const compiled = loaded.agents.map((agent) => agent.compiled);
  const { configuration } = gatewayConfigurationFor(namespace, compiled);
  const userExchanges = rabbitMq === undefined ? userExchangesOf(loaded.agents) : [];
  const doors = rabbitMq === undefined ? doorsOf(loaded.agents, new Set(configuration.routes.map(({ path }) => path))) : [];
  const typed = rabbitMq === undefined ? typedTriggersOf(loaded.agents, configuration.routes) : undefined;
  const log = createLog(options.log, (line) => process.stdout.write(line));
  const tracing = readEnvironment(tracingVariables('eventagent-dev'), environment);
  const offline = options.offline ? { model: createOfflineModel() } : {};

  const ending = endingOf(options.once, [endOfOthers(), lost]);
  let session: Session;
  try {
    const store = await storeFor(redis);
    session = await startSession({
      topology: mergedTopology(compiled.map(({ topology }) => topology)),
      runners: compiled.map(({ runner }) => runner),
      gateway: { ...configuration, routes: [...configuration.routes, ...doors.map(({ route }) => route)] },
      unserved: typed?.answers,
      ...brokerFor(rabbitMq, userExchanges),
      store,
      standInsFor: (runner) => ({
        ...offline,
        ...(options.captureOutputs ? { send: capturingSend((captured) => showCaptured(log, runner, captured)) } : {}),
      }),
      secrets,
      clock: systemClock,
      log,
      tracerWith: (onDropped) => tracerFor(tracing, { clock: systemClock, log, onDropped }),
      host: HOST,
      port: options.port,
      metricsPort: options.metricsPort,
      onRunEnd: ending.onRunEnd,
      schedules,
      fire,
      stop: ending.stop,
    });
  } catch (error) {
    // Whoever stops it while it starts is not told that it could not.
    if (ending.stop.aborted) return ending.code();
    throw withRemedy(error);
  }
  announce(log, options, keysFromEnvironment);
  announceExchanges(log, session.gatewayUrl, userExchanges, doors);
  if (typed !== undefined) announceTyped(log, session.gatewayUrl, typed);
  for (const line of [...warningsIn(loaded, systemClock.now()), ...redrivesLeftOut(loaded)]) log.warn(line);
  for (const schedule of schedules) log.info('schedule', scheduleLine(schedule, systemClock.now()));
  const webhooks = compiled.flatMap(({ routes }) => routes.map(({ path }) => `${session.gatewayUrl}${path}`));
  log.info('ready', { gateway: session.gatewayUrl, metrics: `${session.metricsUrl}/metrics`, webhooks });
  await ending.due;
  await session.close();
  return ending.code();
}

/** The namespace of all agents. Throws `InputError` (`Usage`) where there are several. */
function soleNamespaceOf({ agents }: Loaded): string {
  const places = new Map<string, string>();
  for (const { agent, placeOf } of agents) {
    const { namespace } = agent.metadata;
    if (!places.has(namespace)) places.set(namespace, placeOf('metadata.namespace'));
  }
  const [namespace = 'default'] = places.keys();
  if (places.size <= 1) return namespace;
  const list = [...places].map(([name, place]) => `${name} (${place})`).join(', ');
  throw new InputError('Usage', `the agents are in several namespaces: ${list}; one dev process runs one, so give it the files of one`);
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

/** Where events for the user's own exchanges are to be sent, since nobody else reaches the embedded broker. */
function announceExchanges(log: Log, gatewayUrl: string, exchanges: readonly UserExchange[], doors: readonly Door[]): void {
  for (const { name, type } of exchanges) {
    const publish = doors.filter(({ exchange }) => exchange === name).map(({ route }) => `POST ${gatewayUrl}${route.path}`);
    if (publish.length > 0)
      log.warn('an exchange of yours is on the embedded broker; CloudEvents are published to it by', { exchange: name, type, publish });
    else
      log.warn('an exchange of yours is on the embedded broker, and nothing can be published to it; use --rabbitmq', {
        exchange: name,
        type,
      });
  }
}

/** Likewise for what is taken from the namespace's event exchange. */
function announceTyped(log: Log, gatewayUrl: string, { names, webhooks, remedy }: TypedTriggers): void {
  if (webhooks.length === 0)
    log.warn(`nothing reaches queue triggers by event types on the embedded broker: ${remedy}`, { triggers: names });
  else
    log.info('queue triggers by event types are reached by webhooks with fanOut', {
      triggers: names,
      publish: webhooks.map((path) => `POST ${gatewayUrl}${path}`),
    });
}

function showCaptured(log: Log, runner: RunnerConfiguration, { output, request, secretHeaders, idempotencyKey }: OutgoingRequest): void {
  const { method, url, headers, body } = request;
  const hidden = Object.fromEntries(Object.keys(secretHeaders).map((name) => [name, '(from a Secret)']));
  const agent = `${runner.agent.namespace}.${runner.agent.name}`;
  log.info('output captured', { agent, output, method, url, headers: { ...headers, ...hidden, 'idempotency-key': idempotencyKey }, body });
}
