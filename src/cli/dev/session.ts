import type { GatewayConfiguration, RunnerConfiguration, Secrets } from '../../api/configuration.ts';
import { metrics as metricTable } from '../../api/metrics.ts';
import { ensureTopology } from '../../broker/ensure.ts';
import type { BrokerConnection } from '../../broker/port.ts';
import type { Topology, TopologyAdmin } from '../../broker/topology.ts';
import { startGateway } from '../../gateway/main.ts';
import type { Clock } from '../../lib/clock.ts';
import { CodedError, InputError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import type { OwnedTracer } from '../../lib/otlp-environment.ts';
import { startStatusServer } from '../../lib/status-server.ts';
import { untilAborted } from '../../lib/until-aborted.ts';
import { runnerPorts, type StandIns } from '../../runner/compose.ts';
import { startRunner } from '../../runner/main.ts';
import { Solo } from '../../runner/solo.ts';
import type { RunEnd } from '../../runner/witness.ts';
import { guardedStore } from '../../store/guarded.ts';
import { watchStore } from '../../store/mounted.ts';
import type { OwnedStore } from '../../store/port.ts';
import { type DevSchedule, startSchedules } from './schedules.ts';

/** What a session runs, and on what. It owns `connection` and `store` from the start, also where starting fails. */
export interface SessionParts {
  readonly topology: Topology;
  readonly runners: readonly RunnerConfiguration[];
  readonly gateway: GatewayConfiguration;
  /** What the gateway answers at paths that have no route, where it is more than that there is none. */
  readonly unserved: ReadonlyMap<string, string> | undefined;
  readonly connection: BrokerConnection;
  readonly admin: TopologyAdmin;
  readonly store: OwnedStore;
  /** What stands in for a model, or for the outputs, of an agent. */
  readonly standInsFor: (runner: RunnerConfiguration) => StandIns;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  /** What traces; closed with the session, which it tells of spans that are dropped. */
  readonly tracerWith: (onDropped: (spans: number) => void) => OwnedTracer;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly onRunEnd: (end: RunEnd) => void;
  readonly schedules: readonly DevSchedule[];
  /** One of them, to be run at once. */
  readonly fire?: DevSchedule | undefined;
  /** Ends the wait for a broker that does not answer at the start; later on `close` is to be called. */
  readonly stop: AbortSignal;
}

/** Everything of one namespace in one process: gateway, runners, schedules, metrics. */
export interface Session {
  readonly gatewayUrl: string;
  readonly metricsUrl: string;
  /** Stops intake, finishes or hands back what is under way, and closes everything. Never rejects, and may be repeated. */
  close(): Promise<void>;
}

/** The broker holds something that stands in the way. */
export class TopologyRefused extends CodedError<'TopologyRefused'> {}

/** How long the broker may take to answer at the start, and then to be brought to the topology. */
const CONNECT_DEADLINE_MS = 10_000;
const TOPOLOGY_DEADLINE_MS = 30_000;

/** Starts a session, or nothing at all. Rejects with `BrokerError`, `StoreError`, `TopologyRefused` or `InputError`. */
export async function startSession(parts: SessionParts): Promise<Session> {
  const closers: (() => Promise<void>)[] = [() => parts.connection.close(), () => parts.store.close()];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await start(parts, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(parts: SessionParts, closers: (() => Promise<void>)[], closeAll: () => Promise<void>): Promise<Session> {
  const { clock, connection, host, log, secrets } = parts;
  const metrics = createMetrics(metricTable, { processMetrics: true });
  const tracer = parts.tracerWith((spans) => metrics.add('eventagent_trace_spans_dropped_total', {}, spans));
  closers.push(() => tracer.close());
  const within = (deadlineMs: number) => AbortSignal.any([parts.stop, AbortSignal.timeout(deadlineMs)]);
  await (await connection.openChannel({ prefetch: 1 }, within(CONNECT_DEADLINE_MS))).close();
  const { problems } = await ensureTopology(clock, parts.admin, parts.topology, within(TOPOLOGY_DEADLINE_MS));
  if (problems.length > 0) throw new TopologyRefused('TopologyRefused', problems.map(({ message }) => message).join('\n'));

  const guarded = parts.runners.map((runner) => ({ runner, store: guardedStore(parts.store, { agent: runner.agent, log }) }));
  // Before anything is taken in: a store that cannot be trusted is known at once.
  for (const { store } of guarded) await store.ping();
  const watching = new AbortController();
  const watches = guarded.map(({ store }) => watchStore(store, clock, watching.signal));
  closers.push(async () => watching.abort());
  await untilAborted(Promise.all(watches.map(({ firstAnswer }) => firstAnswer)), parts.stop);
  const unready = () => gateway.unready() ?? watches.map(({ problem }) => problem()).find((problem) => problem !== undefined);

  const shared = { connection, secrets, clock, log, metrics, tracer };
  const gateway = await forFlag(
    '--port',
    startGateway({ ...shared, configuration: parts.gateway, unserved: parts.unserved, toldRefusals: 'all', host, port: parts.port }),
  );
  closers.push(() => gateway.close());
  const status = await forFlag(
    '--metrics-port',
    startStatusServer({ expose: metrics.expose, unready }, { host, port: parts.metricsPort, clock, log }),
  );
  closers.push(() => status.close(0));

  const solo = new Solo(clock);
  const runners = guarded.map(({ runner, store }) =>
    startRunner(runner, runnerPorts(runner, { ...shared, store }, parts.standInsFor(runner)), solo, parts.onRunEnd),
  );
  const schedules = startSchedules(parts.schedules, { connection, store: parts.store, clock, log }, parts.fire);
  // All at once: a runner that waited for the last requests would go on to take events.
  const stopWork = () => Promise.all([gateway.close(), schedules.close(), ...runners.map((runner) => runner.close())]);
  let closed: Promise<void> | undefined;
  return {
    gatewayUrl: gateway.url,
    metricsUrl: status.url,
    close: () => {
      closed ??= stopWork().then(closeAll);
      return closed;
    },
  };
}

/** What is wrong with a port is wrong with the flag that gave it. */
async function forFlag<T>(flag: string, starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    throw error instanceof InputError ? new InputError(error.code, `${flag}: ${error.message}`, { cause: error }) : error;
  }
}
