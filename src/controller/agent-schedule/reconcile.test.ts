import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentSchedule } from '../../../test/support/schedule.ts';
import { storedAgent } from '../../../test/support/stored-agent.ts';
import type { AgentScheduleStatus } from '../../api/generated/agent-schedule.ts';
import { CONFIGURATION_ANNOTATION, labelsFor } from '../../api/kube-names.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventReport } from '../../kube/events.ts';
import { KubeError } from '../../kube/kube-error.ts';
import type { KubeObject, ObjectHead, Resource } from '../../kube/resources.ts';
import type { Operator } from '../operator.ts';
import { Applier } from '../owned.ts';
import { AgentScheduleReconciler } from './reconcile.ts';
import type { CachedCronJob, StoredAgentSchedule } from './resource.ts';

const T0 = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const never = new AbortController().signal;

/** What a test changes of a schedule. */
interface Change {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: AgentScheduleStatus;
}

/** An operator whose API server is a map. The caches are of the moment of `sync`, as a watch that lags. */
class Stage {
  now = T0;
  version = 100;
  isAgentThere = true;
  failStatusWith: KubeError | undefined;
  readonly stored = new Map<string, KubeObject>();
  cached: ReadonlyMap<string, KubeObject> = new Map();
  readonly statuses: AgentScheduleStatus[] = [];
  readonly told: EventReport[] = [];
  readonly deleted: string[] = [];
  readonly reconciler: AgentScheduleReconciler;

  constructor() {
    const cache = (kind: string) => ({
      get: (_namespace: string, name: string) => this.cached.get(`${kind}/${name}`),
      list: () => [...this.cached.values()].filter((object) => object.kind === kind),
    });
    const agent = storedAgent();
    const kube = {
      get: async ({ kind }: Resource, _namespace: string, name: string) => this.stored.get(`${kind}/${name}`),
      apply: async ({ kind }: Resource, object: KubeObject, { subresource }: { readonly subresource?: string }) => {
        if (subresource === undefined) return this.put({ ...this.stored.get(`${kind}/${object.metadata.name}`), ...object });
        if (this.failStatusWith !== undefined) throw this.failStatusWith;
        this.statuses.push(object.status as AgentScheduleStatus);
        return this.put({ ...this.stored.get(`${kind}/${object.metadata.name}`), status: object.status } as KubeObject);
      },
      mergePatch: async ({ kind }: Resource, _namespace: string, name: string, patch: Readonly<Record<string, unknown>>) =>
        this.put(merged(this.stored.get(`${kind}/${name}`), patch) as KubeObject),
      delete: async (_resource: Resource, _namespace: string, name: string) => {
        this.deleted.push(name);
      },
    };
    this.reconciler = new AgentScheduleReconciler({
      kube,
      applier: new Applier(kube as unknown as KubeClient),
      caches: {
        ...Object.fromEntries(
          Object.entries({ agentSchedules: 'AgentSchedule', cronJobs: 'CronJob', jobs: 'Job', pods: 'Pod', configMaps: 'ConfigMap' }).map(
            ([name, kind]) => [name, cache(kind)],
          ),
        ),
        eventAgents: { get: () => (this.isAgentThere ? agent : undefined) },
      },
      views: { of: () => ({ standingOf: () => ({ inForce: { agent } }) }) },
      events: { record: (_regarding: ObjectHead, report: EventReport) => this.told.push(report) },
      clock: { now: () => this.now },
      prefix: 'ea',
      pods: { image: 'i', imagePullPolicy: 'Always', gatewayReplicas: 1, runner: {}, gateway: {} },
    } as unknown as Operator);
  }

  put(object: KubeObject): KubeObject {
    this.version += 1;
    const key = `${object.kind}/${object.metadata.name}`;
    const { uid = key, creationTimestamp = timeText(this.now) } = this.stored.get(key)?.metadata ?? object.metadata;
    const whole = { ...object, metadata: { ...object.metadata, uid, creationTimestamp, resourceVersion: String(this.version) } };
    this.stored.set(key, whole);
    return whole;
  }

  schedule({ spec = {}, status }: Change = {}): void {
    const known = this.stored.get('AgentSchedule/briefing') as StoredAgentSchedule | undefined;
    const made = agentSchedule({ spec });
    const generation = (known?.metadata.generation ?? 0) + 1;
    const was = status ?? known?.status;
    this.put({ ...made, metadata: { ...made.metadata, generation }, ...(was === undefined ? {} : { status: was }) } as KubeObject);
  }

  get cronJob(): CachedCronJob {
    return this.stored.get('CronJob/briefing-tick') as CachedCronJob;
  }

  sync(): void {
    this.cached = new Map(this.stored);
  }

  async reconcile() {
    return this.reconciler.reconcile('test', 'briefing', never);
  }

  /** The caches are up to date, and the schedule is looked at until nothing more is to be done. */
  async settle(): Promise<AgentScheduleStatus> {
    for (let look = 0; look < 3; look += 1) {
      this.sync();
      await this.reconcile();
    }
    this.sync();
    return this.statuses.at(-1) ?? {};
  }

  has(type: string): string {
    const found = this.statuses.at(-1)?.conditions?.find((one) => one.type === type);
    return `${found?.status}/${found?.reason}`;
  }
}

function merged(one: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const whole: Record<string, unknown> = { ...(one as Readonly<Record<string, unknown>> | undefined) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete whole[name];
    else whole[name] = merged(whole[name], value);
  }
  return whole;
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

const reasons = ({ told }: Stage) => told.map(({ reason }) => reason);

test('a schedule that is gone is not looked at again', async () => {
  assert.deepEqual(await new Stage().reconcile(), { gone: true });
});

test('a schedule that is deleted while its status is written is no failure, and nothing is told of it', async () => {
  const stage = new Stage();
  stage.schedule();
  stage.sync();
  stage.failStatusWith = new KubeError('NotFound', 'it is not there');
  await stage.reconcile();
  assert.deepEqual(stage.told, []);
});

test('while it is suspended, time that goes by changes nothing; what was due then is not missed', async () => {
  const stage = new Stage();
  stage.schedule({ spec: { every: '1m', suspend: true } });
  await stage.settle();
  const written = stage.statuses.length;
  stage.now += 10 * MINUTE;
  await stage.settle();
  assert.equal(stage.statuses.length, written);

  stage.schedule({ spec: { every: '1m' } });
  await stage.settle();
  stage.now += MINUTE / 2;
  assert.equal((await stage.settle()).missedRuns, 0);
  stage.now += 3 * MINUTE;
  assert.equal((await stage.settle()).missedRuns, 2, 'from then on it counts');
});

test('while its agent is away, time that goes by changes nothing; what was due then is not missed', async () => {
  const stage = new Stage();
  stage.isAgentThere = false;
  stage.schedule({ spec: { every: '1m' } });
  await stage.settle();
  const written = stage.statuses.length;
  stage.now += 10 * MINUTE;
  await stage.settle();
  assert.equal(stage.statuses.length, written);
  stage.isAgentThere = true;
  await stage.settle();
  stage.now += MINUTE / 2;
  assert.equal((await stage.settle()).missedRuns, 0);
});

test('another schedule text counts from its change on', async () => {
  const stage = new Stage();
  stage.schedule({ spec: { schedule: '0 7 * * *' } });
  await stage.settle();
  stage.now += 30 * MINUTE;
  stage.schedule({ spec: { every: '1m' } });
  await stage.settle();
  stage.now += MINUTE / 2;
  assert.equal((await stage.settle()).missedRuns, 0);
});

test('a cache that has not seen our last write makes no second one, and no second event', async () => {
  const stage = new Stage();
  stage.schedule();
  stage.sync();
  await stage.reconcile();
  await stage.settle();
  const [written, told] = [stage.statuses.length, stage.told.length];
  stage.isAgentThere = false;
  await stage.reconcile();
  stage.now += 5000;
  await stage.reconcile();
  assert.deepEqual([stage.statuses.length - written, reasons(stage).slice(told)], [1, ['AgentMissing']]);
});

test('the next time of @every stands still while time goes by', async () => {
  const stage = new Stage();
  stage.schedule({ spec: { schedule: '@every 10m' } });
  const first = await stage.settle();
  assert.equal(first.nextScheduleTime, timeText(T0 + 10 * MINUTE));
  const written = stage.statuses.length;
  stage.now += 4 * MINUTE + 7000;
  await stage.settle();
  assert.equal(stage.statuses.length, written);
});

test('the deadline of @every begins after its delay, since Kubernetes would never begin a run else', async () => {
  const stage = new Stage();
  stage.schedule({ spec: { schedule: '@every 10m', startingDeadlineSeconds: 30 } });
  await stage.settle();
  assert.equal(stage.cronJob.spec?.startingDeadlineSeconds, 630);
  stage.schedule({ spec: { every: '10m', startingDeadlineSeconds: 30 } });
  await stage.settle();
  assert.equal(stage.cronJob.spec?.startingDeadlineSeconds, 30);
});

test('a next run is only named while one can begin', async () => {
  const stage = new Stage();
  stage.schedule();
  assert.equal((await stage.settle()).nextScheduleTime, '2026-01-02T07:00:00Z');
  stage.isAgentThere = false;
  assert.equal((await stage.settle()).nextScheduleTime, undefined);
  stage.isAgentThere = true;
  stage.schedule({ spec: { schedule: '0 0 30 2 *' } });
  assert.equal((await stage.settle()).nextScheduleTime, '2026-01-02T07:00:00Z', 'the last good schedule stands');
});

test('a CronJob goes on when its agent is back, also while the schedule is refused, and stops when it is told to', async () => {
  const stage = new Stage();
  stage.schedule();
  await stage.settle();
  stage.isAgentThere = false;
  await stage.settle();
  assert.equal(stage.cronJob.spec?.suspend, true);
  stage.schedule({ spec: { schedule: '0 0 30 2 *' } });
  await stage.settle();
  assert.equal(stage.cronJob.spec?.suspend, true);
  stage.isAgentThere = true;
  await stage.settle();
  assert.deepEqual([stage.cronJob.spec?.suspend, stage.has('Accepted')], [false, 'False/Invalid']);
  stage.schedule({ spec: { schedule: '0 0 30 2 *', suspend: true } });
  await stage.settle();
  assert.equal(stage.cronJob.spec?.suspend, true);
  assert.ok(!reasons(stage).includes('DriftRepaired'), 'what the operator did itself is no drift');
});

test('the return of an agent is no drift', async () => {
  const stage = new Stage();
  stage.schedule();
  await stage.settle();
  stage.isAgentThere = false;
  await stage.settle();
  stage.isAgentThere = true;
  await stage.settle();
  assert.equal(stage.cronJob.spec?.suspend, false);
  assert.ok(!reasons(stage).includes('DriftRepaired'));
});

test('what somebody changed of the CronJob or took away is mended, and told once', async () => {
  const stage = new Stage();
  stage.schedule();
  await stage.settle();
  stage.put(merged(stage.cronJob, { spec: { suspend: true } }) as KubeObject);
  stage.sync();
  await stage.reconcile();
  await stage.reconcile();
  await stage.settle();
  assert.equal(stage.cronJob.spec?.suspend, false);
  const drift = () => stage.told.filter(({ reason }) => reason === 'DriftRepaired').map(({ note }) => note);
  assert.deepEqual(drift(), ['changed by somebody else, and mended: CronJob briefing-tick applied again']);

  stage.stored.delete('CronJob/briefing-tick');
  await stage.settle();
  assert.equal(drift().length, 2);
  for (const key of [...stage.stored.keys()]) if (key.startsWith('ConfigMap/')) stage.stored.delete(key);
  await stage.settle();
  assert.match(drift()[2] ?? '', /ConfigMap briefing-tick-\w+ applied again/);
});

test('a configuration is kept while a Job, the CronJob or a pod names it', async () => {
  const stage = new Stage();
  stage.schedule();
  await stage.settle();
  const labels = labelsFor('tick', { agent: 'agent', schedule: 'briefing' });
  const naming = (configuration: string) => ({ metadata: { labels, annotations: { [CONFIGURATION_ANNOTATION]: configuration } } });
  const made = (kind: string, name: string, more: Readonly<Record<string, unknown>> = {}) =>
    stage.put({ apiVersion: 'v1', kind, metadata: { name, namespace: 'test', labels }, ...more });
  for (const name of ['of-a-job', 'of-an-ended-job', 'of-a-pod', 'of-nobody']) made('ConfigMap', name);
  // A Job that has no pod yet is not active either.
  made('Job', 'starting', { spec: { template: naming('of-a-job') } });
  made('Job', 'ended', { spec: { template: naming('of-an-ended-job') }, status: { conditions: [{ type: 'Complete', status: 'True' }] } });
  made('Job', 'at-work', { spec: { template: naming('of-a-job') }, status: { active: 1 } });
  const pod = naming('of-a-pod').metadata;
  stage.put({ apiVersion: 'v1', kind: 'Pod', metadata: { ...pod, name: 'p', namespace: 'test' } });
  stage.schedule({ spec: { input: { other: true } } });
  stage.sync();
  const before = [...stage.stored.keys()].find((key) => key.startsWith('ConfigMap/briefing-tick-'))?.slice('ConfigMap/'.length);
  await stage.reconcile();
  assert.deepEqual(new Set(stage.deleted), new Set(['of-an-ended-job', 'of-nobody']));
  stage.sync();
  await stage.reconcile();
  assert.ok(stage.deleted.includes(before ?? ''), 'what the CronJob named before goes when the cache has the new one');
});
