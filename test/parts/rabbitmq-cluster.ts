import { join } from 'node:path';
import { reservePorts } from './ports.ts';
import { startPrivate } from './private-process.ts';
import { type RabbitServer, type RabbitVersion, rabbitRoot, startRabbitMq } from './rabbitmq.ts';
import { workFolder } from './work-folder.ts';

/** Three nodes of one version, each with data and ports of its own. */
export interface RabbitCluster extends AsyncDisposable {
  readonly nodes: readonly RabbitServer[];
  /** Cuts a node off from the two others: all of them live on, and neither side hears of the other. */
  isolate(node: RabbitServer): Promise<void>;
  /** Lets it speak with them again. */
  rejoin(node: RabbitServer): Promise<void>;
  /** Stops a node as its operator would, and starts it again. */
  roll(node: RabbitServer): Promise<void>;
}

const COOKIE = 'EVENTAGENTTESTCLUSTER';
const NAMES = ['one', 'two', 'three'] as const;

/** A minority pauses, as the cluster guide asks for with three nodes; a node that is silent for 15 s is taken for dead. https://www.rabbitmq.com/docs/partitions */
const CONFIGURATION = ['cluster_partition_handling = pause_minority', 'net_ticktime = 15'];

/** Starts a cluster, and waits until all of it is there. Throws `PartUnavailable` where this machine cannot have it. */
export async function startRabbitCluster(version: RabbitVersion): Promise<RabbitCluster> {
  await using stack = new AsyncDisposableStack();
  const root = await rabbitRoot(version);
  const ports = stack.use(await reservePorts(1));
  const [epmdPort = 0] = ports.numbers;
  const folder = await workFolder('epmd');
  // A node that is killed takes along what it has started: none of them may be the one that has started the epmd of all.
  const epmd = await startPrivate(
    { root, mounts: {}, environment: {}, command: ['/usr/bin/epmd', '-port', String(epmdPort), '-address', '127.0.0.1'] },
    join(folder, 'output.log'),
  );
  stack.defer(() => epmd.kill());
  const start = (name: string) => startRabbitMq(version, { node: { name, epmdPort, cookie: COOKIE }, configuration: CONFIGURATION });
  const nodes = await Promise.all(NAMES.map(async (name) => stack.use(await start(name))));
  const [first, ...others] = nodes;
  for (const node of others) {
    await node.ctl('stop_app');
    await node.ctl('join_cluster', first?.nodeName ?? '');
    await node.ctl('start_app');
  }
  /** Nodes speak only where both have the same cookie for each other. */
  const setCookies = async (node: RabbitServer, cookie: string, more: (nodeName: string) => string = () => '') => {
    const partners = nodes.filter((other) => other !== node);
    const calls = partners.map(({ nodeName }) => `erlang:set_cookie('${nodeName}', '${cookie}')${more(nodeName)}`);
    await node.ctl('eval', `${calls.join(', ')}.`);
  };
  const owned = stack.move();
  return {
    nodes,
    isolate: (node) => setCookies(node, 'CUTOFF', (nodeName) => `, erlang:disconnect_node('${nodeName}')`),
    rejoin: (node) => setCookies(node, COOKIE),
    async roll(node) {
      // Not `shutdown`: it waits for the end of a process whose number is another one here.
      await node.ctl('stop_app');
      await node.restart();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
