import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventAgentStatus } from '../../src/api/generated/event-agent.ts';
import { type Cluster, sharedControlPlane } from '../parts/kubernetes.ts';
import { freshNamespace, kubectl, type Namespace } from '../parts/kubernetes-namespace.ts';
import { type RabbitAddress, sharedRabbitMq } from '../parts/rabbitmq.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { freshVhost, manage, type Vhost } from '../parts/vhost.ts';
import { installChartRbac } from './chart.ts';
import { untilEstablished } from './established.ts';
import { eventually } from './eventually.ts';
import { type LoggedProcess, startLogged } from './logged-process.ts';

/** A namespace and a virtual host of a test's own, and the operator looking after them. */
export interface OperatorStage {
  readonly cluster: Cluster;
  readonly own: Namespace;
  readonly rabbit: RabbitAddress;
  readonly vhost: Vhost;
  /** Starts a replica of the operator for this namespace, as the chart's own service account unless another KUBECONFIG is given; killed when the stage ends. */
  start(environment?: NodeJS.ProcessEnv): Promise<LoggedProcess>;
  /** Writes the Secret of the operator's broker as the kubelet would. */
  writeBroker(values: Readonly<Record<string, string>>): Promise<void>;
  /** An agent's status, as it is now. */
  status(agent: string): Promise<EventAgentStatus | undefined>;
  /** Waits for a condition of an agent; what it is then. */
  condition(
    agent: string,
    type: string,
    status: string,
    reason?: string,
    timeoutMs?: number,
  ): Promise<{ readonly reason: string; readonly message: string }>;
  /** Queues of the virtual host by name, with their counts. */
  queues(): Promise<ReadonlyMap<string, { readonly messages?: number; readonly arguments: Readonly<Record<string, unknown>> }>>;
  /** Waits for an event about an agent that has all of these in its `type reason: note`: events are written beside everything else, and later than what they tell of. */
  told(agent: string, ...pieces: readonly string[]): Promise<void>;
  /** Puts a message into a queue, past every exchange of ours. */
  put(queue: string, payload?: string): Promise<void>;
  /** Does for an agent's runner pods, until the stage ends, what a kubelet would: says that they are ready. There is no node on this cluster. */
  playKubelet(): void;
}

/** An EventAgent for the operator, with a queue trigger and nothing that could be missing. */
export function operatorAgent(name: string, spec: Readonly<Record<string, unknown>> = {}): object {
  return {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'EventAgent',
    metadata: { name },
    spec: {
      triggers: [{ name: 'orders', queue: { eventTypes: ['com.example.order'] } }],
      agent: { model: 'claude-sonnet-5-5', apiKeySecretRef: { name: 'anthropic', key: 'api-key' }, prompt: 'Say {{ event.id }}.' },
      delivery: { retryDelaysSeconds: [30] },
      ...spec,
    },
  };
}

const START = join(import.meta.dirname, '../../src/controller/start.ts');
const CRDS = join(import.meta.dirname, '../../crds');

/** Runs a test on a real API server and a real RabbitMQ, or skips it where this machine cannot have them. */
export async function onOperatorStage(
  t: Parameters<typeof partOrSkip>[0],
  body: (stage: OperatorStage) => Promise<void>,
  options: { readonly rabbitServer?: RabbitAddress; readonly cluster?: Cluster } = {},
): Promise<void> {
  const cluster = options.cluster ?? (await partOrSkip(t, () => sharedControlPlane('1.37')));
  const rabbit = options.rabbitServer ?? (await partOrSkip(t, () => sharedRabbitMq('4.3')));
  if (cluster === undefined || rabbit === undefined) return;
  await kubectl(cluster, ['apply', '--server-side', '--force-conflicts', `--filename=${CRDS}`]);
  await untilEstablished(cluster, `--filename=${CRDS}`);
  await using own = await freshNamespace(cluster);
  await using vhost = await freshVhost(rabbit);
  await using account = await installChartRbac(cluster, own.namespace, 'namespaced');
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-operator-'));
  const started: LoggedProcess[] = [];
  const over = new AbortController();
  let kubelet: Promise<void> | undefined;
  const { namespace } = own;
  const management = new URL(vhost.managementUrl);
  const writeBroker = async (values: Readonly<Record<string, string>>) => {
    await mkdir(join(folder, 'brokers/default'), { recursive: true });
    for (const [key, value] of Object.entries(values)) await writeFile(join(folder, 'brokers/default', key), value);
  };
  await writeBroker({
    management_url: management.origin,
    username: decodeURIComponent(management.username),
    password: decodeURIComponent(management.password),
    vhost: vhost.vhost,
  });
  const status = async (agent: string) => {
    const text = await own.kubectl('get', 'eventagent', agent, '--output=json');
    return (JSON.parse(text) as { readonly status?: EventAgentStatus }).status;
  };
  try {
    await body({
      cluster,
      own,
      rabbit,
      vhost,
      writeBroker,
      status,
      start: async (environment = {}) => {
        const name = `operator-${started.length}`;
        const launch = () => {
          const child = startLogged([START], {
            EVENTAGENT_IMAGE: 'localhost/eventagent:test',
            EVENTAGENT_BROKERS_DIR: join(folder, 'brokers'),
            EVENTAGENT_WATCH_NAMESPACES: namespace,
            EVENTAGENT_POD_NAME: name,
            EVENTAGENT_METRICS_PORT: '0',
            EVENTAGENT_TERMINATION_LOG: join(folder, `termination-${name}`),
            ...account.environment,
            ...environment,
          });
          started.push(child);
          // A machine that is too busy to renew the lease costs the leader its process, which the kubelet would start again.
          void child.exit.then((code) => {
            if (code === 1 && !over.signal.aborted && child.stderr().includes('the leadership is lost')) launch();
          });
          return child;
        };
        const child = launch();
        await child.until('the operator listens', () => child.lines().some(({ msg }) => msg === 'listening'), 60_000);
        return child;
      },
      condition: async (agent, type, wanted, reason, timeoutMs = 60_000) => {
        let seen = 'nothing';
        return eventually(
          `${agent}: ${type}=${wanted}${reason === undefined ? '' : `/${reason}`}`,
          async () => {
            const found = (await status(agent))?.conditions?.find((condition) => condition.type === type);
            seen = JSON.stringify(found);
            return found?.status === wanted && (reason === undefined || found.reason === reason) ? found : undefined;
          },
          timeoutMs,
        ).catch((error: unknown) => {
          throw new Error(
            `${error instanceof Error ? error.message : String(error)}; last seen: ${seen}; log: ${started.at(-1)?.stderr() ?? ''}`,
          );
        });
      },
      queues: async () => {
        const listed = (await manage(rabbit, 'GET', `/api/queues/${vhost.vhost}`)) as readonly {
          readonly name: string;
          readonly messages?: number;
          readonly arguments: Readonly<Record<string, unknown>>;
        }[];
        return new Map(listed.map((queue) => [queue.name, queue]));
      },
      put: async (queue, payload = '{}') => {
        const message = { routing_key: queue, payload, payload_encoding: 'string', properties: { delivery_mode: 2, message_id: payload } };
        const answer = (await manage(rabbit, 'POST', `/api/exchanges/${vhost.vhost}/amq.default/publish`, message)) as { routed: boolean };
        if (!answer.routed) throw new Error(`there is no queue ${queue}`);
      },
      playKubelet: () => {
        kubelet ??= makePodsReady(own, over.signal);
      },
      told: async (agent, ...pieces) => {
        let events: readonly string[] = [];
        await eventually('the event', async () => {
          events = await eventsAbout(own, agent);
          return events.some((line) => pieces.every((piece) => line.includes(piece)));
        }).catch((error: unknown) => {
          throw new Error(`no event of ${agent} says ${pieces.join(', ')}, only:\n${events.join('\n')}`, { cause: error });
        });
      },
    });
  } finally {
    over.abort();
    await kubelet;
    await Promise.all(started.map((child) => child.kill()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function eventsAbout(own: Namespace, agent: string): Promise<readonly string[]> {
  const text = await own.kubectl('get', 'events.events.k8s.io', '--output=json', `--field-selector=regarding.name=${agent}`);
  const { items } = JSON.parse(text) as {
    readonly items: readonly { readonly type: string; readonly reason: string; readonly note: string }[];
  };
  return items.map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
}

async function makePodsReady(own: Namespace, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const text = await own.kubectl('get', 'pods', '--output=json').catch(() => '{"items":[]}');
    const { items } = JSON.parse(text) as {
      readonly items: readonly { readonly metadata: { readonly name: string }; readonly status?: { readonly phase?: string } }[];
    };
    for (const { metadata, status } of items) {
      if (status?.phase === 'Running') continue;
      const state = { name: 'runner', ready: true, restartCount: 0, image: 'i', imageID: 'i', state: { running: {} }, lastState: {} };
      const patch = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [state] } };
      await own
        .kubectl('patch', 'pod', metadata.name, '--subresource=status', '--type=merge', `--patch=${JSON.stringify(patch)}`)
        .catch(() => '');
    }
    await delay(500, undefined, { signal: over }).catch(() => {});
  }
}
