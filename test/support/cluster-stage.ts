import { join } from 'node:path';
import { version } from '../../src/lib/version.ts';
import { buildImage } from '../parts/image.ts';
import { BUSYBOX_IMAGE } from '../parts/image-busybox.ts';
import { kubectl } from '../parts/kubernetes-namespace.ts';
import { type Node, startNode } from '../parts/node.ts';
import { reachableFromPods } from '../parts/node-reach.ts';
import { type RabbitServer, startRabbitMq } from '../parts/rabbitmq.ts';
import { type RedisServer, startRedis } from '../parts/redis.ts';
import { CHART, helm, valueArguments } from './chart.ts';
import { type ClaudeStub, STUB_KEY, startClaudeStub } from './claude-stub.ts';
import { type HttpSink, startHttpSink } from './http-sink.ts';

/** A whole cluster with the chart installed on it from an image that was built here, and everything around it. */
export interface ClusterStage extends AsyncDisposable {
  readonly node: Node;
  readonly rabbit: RabbitServer;
  readonly redis: RedisServer;
  readonly stub: ClaudeStub;
  readonly sink: HttpSink;
  /** The stub and the sink as pods reach them. */
  readonly claudeUrl: string;
  readonly sinkUrl: string;
  /** `kubectl` in the namespace of the agents. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Creates or changes objects in the namespace of the agents. */
  apply(...objects: readonly object[]): Promise<void>;
}

/** Where the chart is, and where the agents are. */
export const SYSTEM = 'eventagent-system';
export const AGENTS = 'platform';

const root = join(import.meta.dirname, '../..');

/** Builds the image, starts the node and installs the chart. Throws `PartUnavailable` where this machine cannot do that. */
export async function startClusterStage(): Promise<ClusterStage> {
  await using stack = new AsyncDisposableStack();
  const tag = `localhost/eventagent:${version}`;
  const image = stack.use(
    await buildImage({ dockerfile: join(root, 'Dockerfile'), context: root, tag, buildArgs: { NODE_IMAGE: 'localhost/node:24' } }),
  );
  const node = stack.use(await startNode());
  await node.importImage(image.archive);
  const rabbit = stack.use(await startRabbitMq('4.3'));
  const redis = stack.use(await startRedis());
  const stub = await startClaudeStub();
  stack.defer(() => stub.close());
  const sink = await startHttpSink();
  stack.defer(() => sink.close());
  const reachable = async (url: string) => new URL(stack.use(await reachableFromPods(node, url)).url);
  const [amqp, management, store, claude, outputs] = [
    await reachable(rabbit.amqpUrl),
    await reachable(rabbit.managementUrl),
    await reachable(redis.url),
    await reachable(stub.url),
    await reachable(sink.url),
  ];
  const cluster = node.controlPlane;
  for (const namespace of [SYSTEM, AGENTS]) {
    await kubectl(cluster, ['create', 'namespace', namespace]);
    await kubectl(cluster, ['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
  }
  const apply = async (namespace: string, objects: readonly object[]) => {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await kubectl(cluster, ['--namespace', namespace, 'apply', '--server-side', '--filename=-'], JSON.stringify(list));
  };
  const login = (url: URL) => ({ username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) });
  await apply(SYSTEM, [secret('eventagent-broker-management', { management_url: management.origin, ...login(management) })]);
  await apply(AGENTS, [
    secret('eventagent-broker', { host: amqp.hostname, port: amqp.port, ...login(amqp) }),
    secret('eventagent-store', { connection_string: store.href }),
    secret('anthropic', { 'api-key': STUB_KEY }),
  ]);
  const values = { image: { repository: 'localhost/eventagent', tag: version, pullPolicy: 'Never' } };
  await helm(['install', 'eventagent', CHART, `--namespace=${SYSTEM}`, '--wait', '--timeout=180s', ...valueArguments(values)], cluster);
  const owned = stack.move();
  return {
    node,
    rabbit,
    redis,
    stub,
    sink,
    claudeUrl: claude.origin,
    sinkUrl: outputs.origin,
    kubectl: (...args) => kubectl(cluster, ['--namespace', AGENTS, ...args]),
    apply: (...objects) => apply(AGENTS, objects),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A Secret of readable values. */
export function secret(name: string, stringData: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

/** A pod of the namespace of agents that may do nothing forbidden by `restricted`, and waits to be entered. */
export function senderPod(name: string): object {
  const securityContext = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        { name: 'main', image: BUSYBOX_IMAGE, imagePullPolicy: 'Never', command: ['/bin/sh', '-c', 'sleep 100000'], securityContext },
      ],
    },
  };
}
