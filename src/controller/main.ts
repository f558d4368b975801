import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { controllerMetrics } from '../api/metrics.ts';
import { eventsExchange } from '../api/names.ts';
import type { KubeAccess } from '../kube/access.ts';
import { createEventRecorder } from '../kube/events.ts';
import { createKubeClient } from '../kube/http-client.ts';
import { LeaderElection, type Leadership } from '../kube/leader.ts';
import { leadingClient } from '../kube/leading-client.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createMetrics, type Metrics } from '../lib/metrics.ts';
import { startStatusServer } from '../lib/status-server.ts';
import { AgentScheduleReconciler } from './agent-schedule/reconcile.ts';
import { brokerNamesIn, mountedAdmin } from './broker/broker-secret.ts';
import { BrokerWatch } from './broker/broker-watch.ts';
import { DepthMetrics } from './broker/depth-metrics.ts';
import type { controllerEnvironment } from './config.ts';
import { DeadLetterRedriveReconciler } from './dead-letter-redrive/reconcile.ts';
import { NamespaceViews } from './event-agent/namespace-views.ts';
import { EventAgentReconciler } from './event-agent/reconcile.ts';
import { GatewayStates } from './gateway/gateway-states.ts';
import { GatewayReconciler } from './gateway/reconcile.ts';
import { watchedKinds } from './kinds.ts';
import type { Operator, Reconciled } from './operator.ts';
import { Applier } from './owned.ts';
import { keyOf, wakeOnChanges } from './wake.ts';

/** Each object is looked at again at least this often, a little jittered: nothing that others change stays so for longer. */
const RESYNC_MS = 55_000;

/** Agents that are worked on at a time: most of their time they wait for the broker, which has no more than 16 changes to make at a time, or for the API server. */
const AGENT_WORKERS = 32;
const GATEWAY_WORKERS = 4;
const SCHEDULE_WORKERS = 4;
const REDRIVE_WORKERS = 2;

/** What the operator needs of the world. */
export interface ControllerParts {
  readonly environment: ReturnType<typeof controllerEnvironment>;
  readonly access: KubeAccess;
  readonly clock: Clock;
  readonly log: Log;
}

/** Leadership was lost without being given up; the process is to end, and to stand by anew. */
export class LeadershipLost extends Error {}

/** Runs one replica of the operator until `stop` is aborted. Rejects with `LeadershipLost`, and with `InputError` where it cannot begin. */
export async function runController({ environment, access, clock, log }: ControllerParts, stop: AbortSignal): Promise<void> {
  const metrics = createMetrics(controllerMetrics, { processMetrics: true });
  metrics.set('eventagent_leader', {}, 0);
  // Said at the start, and not by the first agent that wants one.
  const brokers = brokerNamesIn(environment.EVENTAGENT_BROKERS_DIR);
  const client = createKubeClient({ access, clock });
  let unready: string | undefined = 'the API server has not answered yet';
  const status = await startStatusServer(
    { expose: metrics.expose, unready: () => unready },
    { port: environment.EVENTAGENT_METRICS_PORT, clock, log },
  );
  const identity = `${environment.EVENTAGENT_POD_NAME}_${randomBytes(4).toString('hex')}`;
  const election = new LeaderElection({
    client,
    namespace: environment.EVENTAGENT_POD_NAMESPACE,
    name: environment.EVENTAGENT_LEASE_NAME,
    identity,
    log,
  });
  log.info('listening', { metricsPort: status.port, brokers, identity });
  const standing = setInterval(() => {
    if (election.holder() !== undefined) unready = undefined;
  }, 500);
  let outcome: unknown;
  try {
    const leadership = await election.elected(stop);
    unready = undefined;
    metrics.set('eventagent_leader', {}, 1);
    await lead({ environment, access, clock, log }, client, leadership, brokers, metrics, stop);
    if (!stop.aborted)
      outcome = new LeadershipLost(`the leadership is lost: ${String((leadership.signal.reason as Error | undefined)?.message)}`);
  } catch (error) {
    if (!stop.aborted) outcome = error;
  }
  clearInterval(standing);
  unready = 'shutting down';
  metrics.set('eventagent_leader', {}, 0);
  await election.close();
  await client.close();
  await status.close(0);
  if (outcome !== undefined) throw outcome;
}

async function lead(
  { environment, clock, log }: ControllerParts,
  client: ReturnType<typeof createKubeClient>,
  leadership: Leadership,
  brokerNames: readonly string[],
  metrics: Metrics<typeof controllerMetrics>,
  stop: AbortSignal,
): Promise<void> {
  const prefix = environment.EVENTAGENT_PREFIX;
  const fanOutAbove = environment.EVENTAGENT_FAN_OUT_ABOVE;
  const kube = leadingClient(client, leadership);
  const over = AbortSignal.any([stop, leadership.signal]);
  const watched = watchedKinds({ client, namespaces: environment.EVENTAGENT_WATCH_NAMESPACES, clock, log });
  const everything = Object.values(watched);
  const events = createEventRecorder({ client: kube, instance: environment.EVENTAGENT_POD_NAME, clock, log });
  const brokers = new Map<string, BrokerWatch>();
  const views = new NamespaceViews({ caches: watched, prefix, brokers: new Set(brokerNames), fanOutAbove });
  const gateways = new GatewayStates((namespace) => {
    for (const { metadata } of watched.eventAgents.list(namespace)) agents.add(keyOf(metadata));
  });
  const operator: Operator = {
    kube,
    applier: new Applier(kube),
    caches: watched,
    brokers,
    views,
    gateways,
    events,
    clock,
    log,
    prefix,
    pods: {
      image: environment.EVENTAGENT_IMAGE,
      imagePullPolicy: environment.EVENTAGENT_IMAGE_PULL_POLICY,
      gatewayReplicas: environment.EVENTAGENT_GATEWAY_REPLICAS,
      runner: environment.EVENTAGENT_RUNNER_POD_TEMPLATE,
      gateway: environment.EVENTAGENT_GATEWAY_POD_TEMPLATE,
    },
    fanOutAbove,
  };
  const eventAgents = new EventAgentReconciler(operator);
  const gateway = new GatewayReconciler(operator);
  const agentSchedules = new AgentScheduleReconciler(operator);
  const agents = queueOf('EventAgent', AGENT_WORKERS, (key, signal) => eventAgents.reconcile(...splitKey(key), signal));
  const gatewayQueue = queueOf('Gateway', GATEWAY_WORKERS, (namespace, signal) => {
    // Whatever has a namespace judged again has its gateway looked at.
    showFanOut(namespace);
    return gateway.reconcile(namespace, signal);
  });
  const scheduled = queueOf('AgentSchedule', SCHEDULE_WORKERS, (key, signal) => agentSchedules.reconcile(...splitKey(key), signal));
  const deadLetterRedrives = new DeadLetterRedriveReconciler(operator);
  const redrives = queueOf('DeadLetterRedrive', REDRIVE_WORKERS, (key, signal) => deadLetterRedrives.reconcile(...splitKey(key), signal));
  const queues = [agents, gatewayQueue, scheduled, redrives];

  function showFanOut(namespace: string): void {
    const { widest } = views.fanOutIn(namespace);
    if (widest > 0) metrics.set('eventagent_fan_out_agents', { namespace }, widest);
    else metrics.remove('eventagent_fan_out_agents', { namespace });
  }

  function queueOf(kind: string, workers: number, reconcile: (key: string, signal: AbortSignal) => Promise<Reconciled>): WorkQueue {
    const queue = new WorkQueue({
      workers,
      log: log.child({ kind }),
      work: async (key, signal) => {
        const startedAt = performance.now();
        let outcome = 'failed';
        try {
          const { afterMs = Number.POSITIVE_INFINITY, behind, gone } = await reconcile(key, signal);
          outcome = 'done';
          // What is not there is looked at again when there is word of it.
          if (gone) return undefined;
          if (behind) return { behind };
          return { after: Math.min(afterMs, RESYNC_MS * (0.9 + Math.random() * 0.1)) };
        } finally {
          metrics.add('eventagent_reconcile_total', { kind, outcome });
          metrics.observe('eventagent_reconcile_duration_seconds', { kind }, (performance.now() - startedAt) / 1000);
          metrics.set('eventagent_work_queue_depth', { kind }, queue.depth());
        }
      },
    });
    return queue;
  }

  const depthMetrics = new DepthMetrics({ metrics, log, prefix });
  for (const name of brokerNames) {
    const watch: BrokerWatch = new BrokerWatch({
      name,
      admin: mountedAdmin(join(environment.EVENTAGENT_BROKERS_DIR, name)),
      clock,
      log,
      onChange: (change) => {
        if (change.all) {
          for (const { metadata, spec } of watched.eventAgents.all()) if (spec.brokerRef === name) agents.add(keyOf(metadata));
          return;
        }
        for (const name of change.names) {
          const owner = ownerByName(name, prefix);
          if (owner === undefined) continue;
          if (watched.eventAgents.get(owner.namespace, owner.name) !== undefined) agents.add(keyOf(owner));
          else if (name === eventsExchange(owner.namespace, prefix))
            for (const { metadata } of watched.eventAgents.list(owner.namespace)) agents.add(keyOf(metadata));
        }
      },
      assertLeading: () => {
        if (!leadership.holds()) throw leadership.signal.reason;
      },
      onPolled: () => {
        const all = watched.eventAgents.all();
        depthMetrics.update(
          watch,
          all.filter(({ spec }) => spec.brokerRef === name).map(({ metadata }) => metadata),
        );
      },
    });
    brokers.set(name, watch);
  }
  try {
    await untilOver(Promise.all(everything.map((kind) => kind.synced())), over);
    wakeOnChanges(watched, views, { agents, gateways: gatewayQueue, schedules: scheduled, redrives }, clock);
    for (const { metadata } of watched.eventAgents.all()) agents.add(keyOf(metadata));
    for (const namespace of namespacesOf(watched)) gatewayQueue.add(namespace);
    for (const { metadata } of watched.agentSchedules.all()) scheduled.add(keyOf(metadata));
    for (const { metadata } of watched.deadLetterRedrives.all()) redrives.add(keyOf(metadata));
    for (const watch of brokers.values()) watch.start();
    await untilOver(new Promise<never>(() => {}), over);
  } finally {
    await Promise.all(queues.map((queue) => queue.close()));
    await Promise.all([...brokers.values()].map((watch) => watch.close()));
    await Promise.all(everything.map((kind) => kind.close()));
    await events.close();
  }
}

function namespacesOf(watched: ReturnType<typeof watchedKinds>): ReadonlySet<string> {
  const namespaces = [...watched.eventAgents.all(), ...watched.deployments.all(), ...watched.services.all()].map(
    ({ metadata }) => metadata.namespace,
  );
  return new Set(namespaces.filter((namespace) => namespace !== undefined));
}

/** The agent that a queue or an exchange belongs to by its name; neither namespaces nor agents have dots in theirs. */
function ownerByName(object: string, prefix: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!object.startsWith(`${prefix}.`)) return undefined;
  const [namespace, name] = object.slice(prefix.length + 1).split('.');
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function splitKey(key: string): [namespace: string, name: string] {
  const cut = key.indexOf('/');
  return [key.slice(0, cut), key.slice(cut + 1)];
}

/** What `promise` brings, or `undefined` as soon as it is over. */
function untilOver<T>(promise: Promise<T>, over: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (over.aborted) resolve(undefined);
    over.addEventListener('abort', () => resolve(undefined), { once: true });
    promise.then(resolve, (error: unknown) => (over.aborted ? resolve(undefined) : reject(error)));
  });
}
