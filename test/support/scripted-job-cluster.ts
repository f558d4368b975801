import { runInCluster } from '../../src/cli/in-cluster/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { KubeError } from '../../src/kube/kube-error.ts';
import type { EventView, PodView } from '../../src/kube/pod-trouble.ts';
import { type KubeObject, type ObjectHead, resources } from '../../src/kube/resources.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

/** Status of the pod of a Job, as the kubelet writes it. */
export type PodStatus = NonNullable<PodView['status']> & { readonly reason?: string; readonly message?: string };

/** Statuses of a pod whose process is at work, and has ended. */
export const RUNNING: PodStatus = { phase: 'Running', containerStatuses: [{ state: { running: {} } }] };
export const ended = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): PodStatus => ({
  phase: exitCode === 0 ? 'Succeeded' : 'Failed',
  containerStatuses: [{ state: { terminated: { exitCode, reason } } }],
});

/** What reading a log comes to: its lines, and then its end, a failure, or `stays`: nothing more comes. */
export interface LogScript {
  readonly lines?: readonly string[];
  readonly after?: 'ends' | 'stays' | Error;
  /** Happens when the lines were read. */
  readonly meanwhile?: () => Promise<void> | void;
}

/** A cluster that says what a test writes, with an agent `support/triage` in it. */
export interface ScriptedJobCluster {
  readonly clock: VirtualClock;
  /** The status of the Job's pod; `undefined`: there is none. */
  pod: PodStatus | undefined;
  /** Answers to readings of the log, the last one again and again. */
  logs: LogScript[];
  events: readonly EventView[];
  job: (ObjectHead & { readonly status?: unknown }) | undefined;
  /** Fails that call, once or for ever, instead of doing it. */
  fail: (call: 'get' | 'list' | 'create' | 'delete') => Error | undefined;
  readonly created: readonly KubeObject[];
  readonly deleted: readonly string[];
  readonly stop: AbortController;
  readonly lost: AbortController;
  /** Runs a command to its end: what was said here, and the exit code or the error. */
  run(words?: readonly string[], agents?: Parameters<typeof runInCluster>[0]['agents']): Promise<Outcome>;
}

/** How a command has ended. */
export interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly told: readonly string[];
  readonly code?: number;
  readonly error?: { readonly code?: string; readonly message: string };
}

/** A Deployment of a runner, as far as a Job needs it. */
export function runnerDeployment(broker = 'rabbit'): ObjectHead & { readonly spec: object } {
  const env = [
    { name: 'EVENTAGENT_BROKER_DIR', value: '/broker' },
    { name: 'EVENTAGENT_STORE_DIR', value: '/store' },
  ];
  const volumeMounts = [
    { name: 'b', mountPath: '/broker' },
    { name: 's', mountPath: '/store' },
  ];
  const volumes = [
    { name: 'b', secret: { secretName: broker } },
    { name: 's', secret: { secretName: 'redis' } },
  ];
  const containers = [{ name: 'runner', image: 'i:1', env, volumeMounts }];
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'runner' }, spec: { template: { spec: { containers, volumes } } } };
}

/** A cluster whose Deployments are these, by `namespace/name`. */
export function scriptedJobCluster(
  deployments: Readonly<Record<string, ObjectHead>> = { 'support/triage-runner': runnerDeployment() },
): ScriptedJobCluster {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const [created, deleted]: [KubeObject[], string[]] = [[], []];
  const [stop, lost] = [new AbortController(), new AbortController()];
  const throwing = (call: Parameters<ScriptedJobCluster['fail']>[0]) => {
    const error = cluster.fail(call);
    if (error !== undefined) throw error;
  };
  const kube: Pick<KubeClient, 'get' | 'list' | 'log' | 'create' | 'delete'> = {
    get: async <T extends ObjectHead>(resource: unknown, namespace: string | undefined, name: string) => {
      throwing('get');
      return (resource === resources.jobs ? cluster.job : deployments[`${namespace}/${name}`]) as T | undefined;
    },
    list: async <T extends ObjectHead>(resource: unknown) => {
      throwing('list');
      const pods = cluster.pod === undefined ? [] : [{ metadata: { name: 'pod-1' }, status: cluster.pod }];
      return { items: (resource === resources.pods ? pods : cluster.events) as unknown as readonly T[], resourceVersion: '1' };
    },
    log: async (_, onLine, signal) => {
      const { lines = [], after = 'ends', meanwhile } = (cluster.logs.length > 1 ? cluster.logs.shift() : cluster.logs[0]) ?? {};
      for (const line of lines) await onLine(line);
      await meanwhile?.();
      if (after instanceof Error) throw after;
      signal.throwIfAborted();
      if (after === 'stays') await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    create: async (_, object) => {
      created.push(object as unknown as KubeObject);
      throwing('create');
      cluster.job = object;
      return object;
    },
    delete: async (_, namespace, name) => {
      throwing('delete');
      deleted.push(`${namespace}/${name}`);
      cluster.job = undefined;
    },
  };
  const cluster: ScriptedJobCluster = {
    clock,
    pod: RUNNING,
    logs: [],
    events: [],
    job: undefined,
    fail: () => undefined,
    created,
    deleted,
    stop,
    lost,
    run: async (words = ['dlq', 'ls'], agents = [{ namespace: 'support', name: 'triage' }]) => {
      const said = { out: '', err: '', told: [] as string[] };
      const ports = {
        kube,
        clock,
        stop: stop.signal,
        lost: lost.signal,
        tell: (line: string) => void said.told.push(line),
        write: async (stream: 'out' | 'err', text: string) => {
          said[stream] += text;
        },
      };
      let ending: Pick<Outcome, 'code' | 'error'> | undefined;
      void runInCluster({ agents, words, deadlineSeconds: 60 }, ports).then(
        (code) => {
          ending = { code };
        },
        (error: Outcome['error']) => {
          ending = { error: { ...(error?.code === undefined ? {} : { code: error.code }), message: error?.message ?? '' } };
        },
      );
      await clock.advance(0);
      if (ending === undefined) await clock.runUntil(() => ending !== undefined, 3_600_000);
      return { ...said, ...ending };
    },
  };
  return cluster;
}

/** An error of the API server. */
export const kubeError = (code: KubeError['code'], message: string = code) => new KubeError(code, message);

/** The Job that was made, as `namespace/name`. */
export function jobOf({ created }: ScriptedJobCluster): string {
  const [job, ...others] = created;
  if (job === undefined || others.length > 0) throw new Error(`${created.length} Jobs were made`);
  return `${job.metadata.namespace}/${job.metadata.name}`;
}
