import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommandPorts, runInCluster } from '../../src/cli/in-cluster/run.ts';
import { compile } from '../../src/compile/compile.ts';
import { runnerObjectsFor } from '../../src/controller/event-agent/desired.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Cluster, sharedControlPlane } from '../parts/kubernetes.ts';
import { asServiceAccount } from '../parts/kubernetes-identity.ts';
import { freshNamespace, type Namespace } from '../parts/kubernetes-namespace.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { bareEnvironment } from '../support/bare-environment.ts';
import { runCli } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { clientOf } from '../support/kube-connection.ts';
import { storedAgent } from '../support/stored-agent.ts';

const LINES = ['["out",0,""]', '["out",1,"a\\n"]', '["err",2,"b\\n"]', '["end",3,1]'];
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** A namespace that enforces the strictest standard, with the runner of an agent in it, and somebody who has one of Kubernetes' own roles there. There is no node on this cluster. */
interface Stage {
  readonly own: Namespace;
  readonly agent: { readonly namespace: string; readonly name: string };
  /** The cluster as that user. */
  readonly user: Cluster;
  readonly client: KubeClient;
  /** Runs a command as that user, with this for a log, in a time that goes ten times as fast. */
  run(
    log: KubeClient['log'],
    change?: Partial<CommandPorts>,
  ): Promise<{ readonly code?: number; readonly error?: Error; readonly said: string; readonly told: readonly string[] }>;
  jobs(): Promise<string>;
}

const FAST = 10;
const fastClock = {
  now: () => systemClock.now() * FAST,
  timer: (ms: number, fire: () => void) => systemClock.timer(ms / FAST, fire),
};

async function onStage(t: TestContext, role: 'edit' | 'view', body: (stage: Stage) => Promise<void>): Promise<void> {
  const cluster = await partOrSkip(t, () => sharedControlPlane('1.37'));
  if (cluster === undefined) return;
  await using own = await freshNamespace(cluster);
  const { namespace } = own;
  await own.kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
  await own.kubectl('create', 'serviceaccount', 'somebody');
  await own.kubectl('create', 'rolebinding', 'somebody', `--clusterrole=${role}`, `--serviceaccount=${namespace}:somebody`);
  const folder = await mkdtemp(join(tmpdir(), 'eventagent-cli-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const user = await asServiceAccount(cluster, { namespace, name: 'somebody' }, join(folder, 'kubeconfig'));
  const agent = { namespace, name: 'triage' };
  const stored = storedAgent({}, agent);
  const pods = { image: 'localhost/eventagent:test', imagePullPolicy: 'Never', gatewayReplicas: 2, runner: {}, gateway: {} };
  const { deployment } = runnerObjectsFor(stored, compile(stored), pods);
  const { ownerReferences: _owner, ...metadata } = deployment.metadata;
  await own.apply({ ...deployment, metadata });
  await using client = await clientOf(user);
  await body({
    own,
    agent,
    user,
    client,
    jobs: () => own.kubectl('get', 'jobs', '--output=name'),
    run: async (log, change = {}) => {
      const told: string[] = [];
      let said = '';
      const ports: CommandPorts = {
        kube: { ...client, log },
        clock: fastClock,
        write: async (stream, text) => {
          said += `${stream}: ${text}`;
        },
        tell: (line) => void told.push(line),
        stop: new AbortController().signal,
        lost: new AbortController().signal,
        ...change,
      };
      const command = { agents: [agent], words: ['dlq', 'ls', '--', `${namespace}/triage`], deadlineSeconds: 600 };
      const ending = await runInCluster(command, ports).then(
        (code) => ({ code }),
        (error: Error) => ({ error }),
      );
      return { ...ending, said, told };
    },
  });
}

/** Does for the pod of a Job what a kubelet would. */
async function playKubelet(
  { own }: Stage,
  status: object,
): Promise<{
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly automountServiceAccountToken?: boolean };
}> {
  const selector = '--selector=app.kubernetes.io/component=cli';
  const name = await eventually(
    'the pod of the Job',
    async () => (await own.kubectl('get', 'pods', selector, '--output=jsonpath={.items[*].metadata.name}')).trim() || undefined,
  );
  const patch = `--patch=${JSON.stringify({ status })}`;
  const patched = await own.kubectl('patch', 'pod', name, '--subresource=status', '--type=merge', patch, '--output=json');
  return JSON.parse(patched) as Awaited<ReturnType<typeof playKubelet>>;
}

const container = (state: object) => ({ name: 'command', ready: false, restartCount: 0, image: 'i', imageID: 'i', lastState: {}, state });

suite('a command as a Job on a real API server', { concurrency: 2 }, () => {
  test('is all that a user with `edit` needs; the runner does not take its pod for its own, and nothing is left', (t) =>
    onStage(t, 'edit', async (stage) => {
      const { own, run, jobs } = stage;
      const running = run(async ({ container: name }, onLine) => {
        assert.equal(name, 'command');
        for (const line of LINES) await onLine(line);
      });
      const pod = await playKubelet(stage, { phase: 'Running', containerStatuses: [container({ running: {} })] });
      assert.equal(pod.spec.automountServiceAccountToken, false);
      assert.equal(pod.metadata.labels['eventagent.dev/agent'], 'triage');
      const { code, said, told } = await running;
      assert.deepEqual([code, said, told], [1, 'out: a\nerr: b\n', []]);
      assert.equal(await jobs(), '');
      await eventually(
        'its pod goes with it',
        async () => (await own.kubectl('get', 'pods', '--selector=app.kubernetes.io/component=cli', '--output=name')) === '',
      );
      assert.equal(await own.kubectl('get', 'deployment', 'triage-runner', '--output=jsonpath={.status.replicas}'), '1');
    }));

  test('says that the quota is full, and that a Secret is missing, from events that such a user may read', (t) =>
    onStage(t, 'edit', async (stage) => {
      const { own, run, jobs } = stage;
      await own.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'full' }, spec: { hard: { pods: '0' } } });
      const refused = await run(() => Promise.reject(new Error('there is no log')));
      assert.match(refused.error?.message ?? '', /could not begin: Job triage-cli-\w+: Error creating: pods .* exceeded quota: full/);
      assert.match(refused.told[0] ?? '', /^waiting: Job triage-cli-\w+: .* exceeded quota: full/);
      assert.equal(await jobs(), '');
      await own.kubectl('delete', 'resourcequota', 'full');

      const running = run(() => Promise.reject(new Error('there is no log')));
      const waiting = { phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ContainerCreating' } })] };
      const { metadata } = (await playKubelet(stage, waiting)) as unknown as {
        readonly metadata: { readonly name: string; readonly namespace: string };
      };
      await own.apply({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'mount' },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, namespace: metadata.namespace },
        reason: 'FailedMount',
        message: 'MountVolume.SetUp failed for volume "broker" : secret "eventagent-broker" not found',
        type: 'Warning',
        source: { component: 'kubelet' },
        lastTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
      });
      assert.match((await running).error?.message ?? '', /waits for Secret eventagent-broker, which is missing: create it/);
      assert.equal(await jobs(), '');
    }));

  test('is told by the Job itself that its time is over', (t) =>
    onStage(t, 'edit', async (stage) => {
      const running = stage.run(async (_, onLine) => {
        await onLine('["out",0,""]');
        await delay(100);
      });
      await playKubelet(stage, { phase: 'Running', containerStatuses: [container({ running: {} })] });
      const job = (await stage.jobs()).trim();
      await stage.own.kubectl('patch', job, '--type=merge', '--patch={"spec":{"activeDeadlineSeconds":1}}');
      const { error } = await running;
      assert.match(error?.message ?? '', /the output of Job \S+ is not whole: .*\(Job was active longer than specified deadline\)/);
    }));

  test('is refused to somebody who may only look', (t) =>
    onStage(t, 'view', async ({ run, jobs }) => {
      const { error, told } = await run(() => Promise.reject(new Error('there is no log')));
      assert.match(error?.message ?? '', /^creating Job \S+: jobs\.batch is forbidden: User .* cannot create resource "jobs"/);
      assert.deepEqual([told, await jobs()], [[], '']);
    }));

  test('is made by the command line of a kubeconfig, and deleted when that is told to stop', (t) =>
    onStage(t, 'edit', async ({ agent, user, jobs, own }) => {
      const { namespace } = agent;
      const unknown = await runCli(['events', 'ls', `${namespace}/nobody`, '--kubeconfig', user.kubeconfig]);
      assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
      assert.match(
        unknown.stderr,
        new RegExp(`^eventagent: there is no Deployment ${namespace}/nobody-runner, whose Secrets a Job would use: correct the name`),
      );

      const child = spawn(process.execPath, [MAIN, 'redrive', `${namespace}/triage`, '--limit', '5', '--in-cluster'], {
        env: bareEnvironment({ KUBECONFIG: user.kubeconfig }),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      t.after(() => child.kill('SIGKILL'));
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const job = await eventually('the Job', async () => (await jobs()).trim() || undefined);
      assert.equal(
        await own.kubectl('get', job, '--output=jsonpath={.spec.template.spec.containers[0].args}'),
        JSON.stringify(['redrive', '--limit=5', '--', `${namespace}/triage`]),
      );
      child.kill('SIGINT');
      const [code] = (await once(child, 'close')) as [number | null];
      assert.deepEqual([code, stderr], [1, 'eventagent: told to stop by SIGINT\n']);
      assert.equal(await jobs(), '');
    }));
});
