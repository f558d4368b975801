import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PREFIX } from '../../src/api/names.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import { plan } from '../../src/broker/plan.ts';
import type { BrokerAdmin, Topology } from '../../src/broker/topology.ts';
import { topologyFor } from '../../src/compile/topology.ts';
import type { StoredEventAgent } from '../../src/controller/event-agent/resource.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { kubeConfigFileAccess } from '../../src/kube/kube-config.ts';
import { resources } from '../../src/kube/resources.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type ControlPlane, startControlPlane } from '../parts/kubernetes.ts';
import { auditedWrites } from '../parts/kubernetes-audit.ts';
import { freshNamespace, kubectl, type Namespace } from '../parts/kubernetes-namespace.ts';
import { type RabbitServer, startRabbitMq } from '../parts/rabbitmq.ts';
import { freshVhost, manage } from '../parts/vhost.ts';
import { workFolder } from '../parts/work-folder.ts';
import { eventAgent } from '../support/agent.ts';
import { RABBIT_VERSION } from './brokers.ts';
import { built } from './built.ts';
import { plainText, type Section, table } from './report.ts';

const CRDS = join(import.meta.dirname, '../../crds');

/** As many requests as the operator has under way at a time. */
const AT_A_TIME = 16;

/** The heap that Node gives itself in the container of 512 MiB that the chart asks for. */
const HEAP = ['--max-heap-size=259'];

/** How the operator's work compares with the broker's own rate, and what it costs at rest. */
export async function benchController(options: { readonly agents: number; readonly restMinutes: number }): Promise<Section> {
  const names = Array.from({ length: options.agents }, (_, index) => `agent-${index}`);
  const topologies = names.map((name) => topologyFor(eventAgent({ namespace: 'bench', name }), DEFAULT_PREFIX));
  // Both before the operator: its thousands of queues and objects do not leave the machine to anybody else.
  const [first, second] = [await rawSeconds(topologies), await rawSeconds(topologies)];
  const { oursSeconds, appliedSeconds, writes, cpu, memory, one } = await operatorFigures(names, options.restMinutes);
  const raw = (first + second) / 2;
  const queues = topologies.reduce((sum, topology) => sum + topology.queues.length, 0);
  return {
    name: 'controller',
    text: [
      `RabbitMQ ${RABBIT_VERSION}, Kubernetes 1.37 without nodes; ${options.agents} agents with three retry tiers each: ${queues} queues, twice as many bindings. Beside it a loop that makes the same objects by the same API, ${AT_A_TIME} requests at a time, twice before; each of the three on a broker of its own, which counts as often as it does by default.`,
      table(
        ['', 'operator', 'loop', 'ratio'],
        [
          [
            'from nothing to every queue bound, s',
            plainText(oursSeconds),
            `${plainText(first)}, ${plainText(second)}`,
            `**${(raw / oursSeconds).toFixed(2)}**`,
          ],
        ],
      ),
      `The operator's time begins with the first of ${options.agents} agents that are applied meanwhile (the last after ${plainText(appliedSeconds)} s), and holds the time for which a new queue stands before events are let into it.`,
      table(
        ['with all agents there, heap as in a container of 512 MiB', ''],
        [
          [`writes to the API server in ${options.restMinutes} minutes at rest, Leases apart`, String(writes)],
          ['CPU seconds a minute at rest (each agent is looked at about once, the queues are listed six times)', plainText(cpu)],
          ['memory now, and at most, MiB', `${memory.now}, ${memory.most}`],
          ['one agent more, from `apply` to `TopologyReady=True`, s', plainText(one)],
        ],
      ),
    ].join('\n\n'),
  };
}

/** What the operator takes, on a broker and an API server of its own. */
async function operatorFigures(names: readonly string[], restMinutes: number) {
  await using stack = new AsyncDisposableStack();
  const rabbit = stack.use(await startRabbitMq(RABBIT_VERSION, { usualStatistics: true }));
  const cluster = stack.use(await startControlPlane({ version: '1.37', controllerManager: true }));
  await kubectl(cluster, ['apply', '--server-side', `--filename=${CRDS}`]);
  const own = stack.use(await freshNamespace(cluster));
  // It ends with its broker; to delete thousands of queues one by one takes longer than the management API keeps a request.
  const vhost = await freshVhost(rabbit);
  const admin = managementAdmin({ url: rabbit.managementUrl, vhost: vhost.vhost });
  const operator = stack.use(await startOperator(cluster, own, rabbit, vhost.vhost));
  const topologies = names.map((name) => topologyFor(eventAgent({ namespace: own.namespace, name }), DEFAULT_PREFIX));
  const wanted = {
    queues: topologies.reduce((sum, { queues }) => sum + queues.length, 0),
    bindings: topologies.reduce((sum, { bindings }) => sum + bindings.length, 0),
  };
  const startedAt = performance.now();
  const applied = applyAgents(cluster, own, names).then(() => (performance.now() - startedAt) / 1000);
  const oursSeconds = await untilDeclared(rabbit, admin, wanted, startedAt);
  const appliedSeconds = await applied;
  process.stderr.write(`everything is declared after ${plainText(oursSeconds)} s\n`);
  await untilQuiet(cluster, own);
  const one = await oneAgent(cluster, own);
  await untilQuiet(cluster, own);
  process.stderr.write(`one agent more took ${plainText(one)} s; now at rest\n`);
  const [writesBefore, cpuBefore] = [await writesOf(cluster, own), await cpuSeconds(operator.pid)];
  await delay(restMinutes * 60_000);
  const memory = await memoryOf(operator.pid);
  const writes = (await writesOf(cluster, own)) - writesBefore;
  const cpu = ((await cpuSeconds(operator.pid)) - cpuBefore) / restMinutes;
  return { oursSeconds, appliedSeconds, writes, cpu, memory, one };
}

/** The same objects, made without anything around it, on a broker of its own. */
async function rawSeconds(topologies: readonly Topology[]): Promise<number> {
  await using rabbit = await startRabbitMq(RABBIT_VERSION, { usualStatistics: true });
  const vhost = await freshVhost(rabbit);
  const admin = managementAdmin({ url: rabbit.managementUrl, vhost: vhost.vhost });
  const signal = AbortSignal.timeout(1_200_000);
  const startedAt = performance.now();
  const source = topologies[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      for (let next = source.next(); next.done !== true; next = source.next()) {
        const { steps, intake } = plan(next.value, { queues: [], exchanges: [], bindings: [] });
        for (const step of [...steps, ...intake]) await admin.apply(step, signal);
      }
    }),
  );
  return (performance.now() - startedAt) / 1000;
}

async function applyAgents(cluster: ControlPlane, { namespace }: Namespace, names: readonly string[]): Promise<void> {
  const client = createKubeClient({ access: await kubeConfigFileAccess(cluster.kubeconfig, systemClock), clock: systemClock });
  const source = names[Symbol.iterator]();
  const signal = AbortSignal.timeout(600_000);
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = source.next(); next.done !== true; next = source.next()) {
        const { apiVersion, kind, metadata, spec } = eventAgent({ namespace, name: next.value });
        await client.apply(
          resources.eventAgents,
          { apiVersion, kind, metadata, spec } as Parameters<typeof client.apply>[1],
          { fieldManager: 'bench' },
          signal,
        );
      }
    }),
  );
  await client.close();
}

interface Overview {
  readonly object_totals?: { readonly queues: number };
}

/** Seconds from `startedAt` to the last of so many queues and bindings. */
async function untilDeclared(
  rabbit: RabbitServer,
  admin: BrokerAdmin,
  { queues, bindings: wanted }: { readonly queues: number; readonly bindings: number },
  startedAt: number,
): Promise<number> {
  // Counting is cheap for the broker; listing thousands of bindings is not.
  while (Number(((await manage(rabbit, 'GET', '/api/overview')) as Overview).object_totals?.queues ?? 0) < queues) await delay(1_000);
  for (;;) {
    const { bindings } = await admin.routes(AbortSignal.timeout(60_000));
    const seconds = (performance.now() - startedAt) / 1000;
    const bound = bindings.filter(({ source }) => source !== '').length;
    if (bound >= wanted) return seconds;
    if (seconds > 1200) throw new Error(`the operator has made ${bound} of ${wanted} bindings within 20 minutes`);
    await delay(3_000);
  }
}

/** Seconds from applying one agent more until its status says that its topology is whole. */
async function oneAgent(cluster: ControlPlane, own: Namespace): Promise<number> {
  const client = createKubeClient({ access: await kubeConfigFileAccess(cluster.kubeconfig, systemClock), clock: systemClock });
  const signal = AbortSignal.timeout(600_000);
  const startedAt = performance.now();
  await applyAgents(cluster, own, ['one-more']);
  for (;;) {
    const agent = await client.get<StoredEventAgent>(resources.eventAgents, own.namespace, 'one-more', signal);
    if (agent?.status?.conditions?.some(({ type, status }) => type === 'TopologyReady' && status === 'True')) break;
    await delay(100, undefined, { signal });
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await client.close();
  return seconds;
}

/** The operator as its image runs it: compiled. */
async function startOperator(
  cluster: ControlPlane,
  { namespace }: Namespace,
  rabbit: RabbitServer,
  vhost: string,
): Promise<AsyncDisposable & { readonly pid: number }> {
  const { program, folder } = await built('../../src/controller/start.ts');
  const work = await workFolder('operator');
  const broker = join(work, 'brokers/default');
  await mkdir(broker, { recursive: true });
  const management = new URL(rabbit.managementUrl);
  const values = {
    management_url: management.origin,
    username: decodeURIComponent(management.username),
    password: decodeURIComponent(management.password),
    vhost,
  };
  for (const [key, value] of Object.entries(values)) await writeFile(join(broker, key), value);
  const child: ChildProcess = spawn(process.execPath, [...HEAP, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: cluster.kubeconfig,
      EVENTAGENT_IMAGE: 'localhost/eventagent:bench',
      EVENTAGENT_BROKERS_DIR: join(work, 'brokers'),
      EVENTAGENT_POD_NAMESPACE: namespace,
      EVENTAGENT_POD_NAME: 'bench',
      EVENTAGENT_METRICS_PORT: '0',
    },
  });
  const ended = once(child, 'exit');
  if (child.stdout !== null) {
    const lines = createInterface({ input: child.stdout });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if ((JSON.parse(line) as { readonly msg: string }).msg === 'leading') resolve();
      });
      child.once('exit', (code) => reject(new Error(`the operator ended with ${code}`)));
    });
  }
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** Waits until nothing was written for 40 seconds: pods have been made, and every status says so. */
async function untilQuiet(cluster: ControlPlane, own: Namespace): Promise<void> {
  for (let before = -1; ; ) {
    const writes = await writesOf(cluster, own);
    if (writes === before) return;
    before = writes;
    await delay(40_000);
  }
}

async function writesOf(cluster: ControlPlane, own: Namespace): Promise<number> {
  const writes = await auditedWrites(cluster, own.namespace);
  return writes.filter(({ objectRef, userAgent }) => objectRef?.resource !== 'leases' && !/kube-controller-manager/.test(userAgent ?? ''))
    .length;
}

async function memoryOf(pid: number): Promise<{ readonly now: number; readonly most: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mib = (name: string) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024);
  return { now: mib('VmRSS'), most: mib('VmHWM') };
}

/** Time of the process and of the kernel for it; https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html counts in hundredths of a second. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
