import { isDeepStrictEqual } from 'node:util';
import type { AgentScheduleStatus } from '../../api/generated/agent-schedule.ts';
import { APPLIED_ANNOTATION, CONFIGURATION_ANNOTATION, cronJobName, labelNames } from '../../api/kube-names.ts';
import { compileSchedule, cronTextOf, scheduleProblems } from '../../compile/schedule.ts';
import { type ObjectHead, resources } from '../../kube/resources.ts';
import { InputError } from '../../lib/errors.ts';
import { DEFAULT_TIME_ZONE, parseSchedule, type Schedule } from '../../schedule/schedule.ts';
import { resolvedAgent } from '../event-agent/resolved.ts';
import type { StoredEventAgent } from '../event-agent/resource.ts';
import type { CachedPod, Operator, Reconciled } from '../operator.ts';
import { refusalOf } from '../refusal.ts';
import { bad, good, type Verdict } from '../verdict.ts';
import { writeStatus } from '../write-status.ts';
import { Written } from '../written.ts';
import { scheduleObjectsFor } from './cron-job.ts';
import { dueAfter } from './due-times.ts';
import { type Count, countMissed } from './missed.ts';
import type { CachedCronJob, CachedJob, StoredAgentSchedule } from './resource.ts';
import { endConditionOf, runsOf } from './runs.ts';
import { scheduleStatusFor, timeText } from './status.ts';

/** What failed for a passing reason is tried again this soon. */
const APPLY_AGAIN_MS = 5000;

/** Conditions whose changes are told as events. */
const TOLD = ['Ready', 'LastRunSucceeded', 'MissedRuns'] as const;

/** Brings one schedule to its CronJob, and its status to what became of its runs. One for all schedules; holds only what the caches have not seen yet. */
export class AgentScheduleReconciler {
  readonly #operator: Operator;
  readonly #schedules = new Written<StoredAgentSchedule>();
  readonly #cronJobs = new Written<CachedCronJob>();
  readonly #configurations = new Written<ObjectHead>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Rejects where the API server fails, and may be repeated. */
  async reconcile(namespace: string, name: string, signal: AbortSignal): Promise<Reconciled> {
    const { caches, clock, events } = this.#operator;
    const cached = caches.agentSchedules.get(namespace, name);
    if (cached === undefined) {
      this.#schedules.forget(namespace, name);
      this.#cronJobs.forget(namespace, cronJobName(name));
      return { gone: true };
    }
    const schedule = this.#schedules.newest(cached);
    if (schedule.metadata.deletionTimestamp !== undefined) return {};
    const plan = planOf(schedule);
    const { agent, verdict: resolved } = resolvedAgent(this.#operator, namespace, schedule.spec.agentRef.name, 'correct the name');
    const { verdict: ready, repaired } = await this.#apply(schedule, plan, agent, signal);
    if (repaired.length > 0)
      events.record(schedule, {
        type: 'Warning',
        reason: 'DriftRepaired',
        note: `changed by somebody else, and mended: ${repaired.map((object) => `${object} applied again`).join('; ')}`,
        action: 'Repair',
      });
    const cronJob = cronJobName(name);
    const live = this.#liveCronJob(namespace, cronJob) ?? this.#cronJobs.last(namespace, cronJob);
    const runs = runsOf(this.#jobsOf(schedule), this.#podsOf(schedule), cronJob);
    const lastScheduleTime = live?.status?.lastScheduleTime;
    const halted = schedule.spec.suspend || agent === undefined;
    const inForce = scheduleInForce(plan, live);
    const next = inForce === undefined ? () => undefined : dueAfter(inForce, live);
    // Of this moment, after what was applied: a CronJob that was made just now has its first time after that.
    const now = clock.now();
    const count = countMissed({
      before: countedBefore(schedule, halted, now),
      next,
      runs,
      history: { successful: schedule.spec.successfulJobsHistoryLimit, failed: schedule.spec.failedJobsHistoryLimit },
      lastScheduled: lastScheduleTime === undefined ? undefined : Date.parse(lastScheduleTime),
      startingDeadlineMs: schedule.spec.startingDeadlineSeconds * 1000,
      halted,
      now,
    });
    const nextAt = halted || ready.status !== 'True' ? undefined : next(now);
    const status = scheduleStatusFor(
      {
        generation: schedule.metadata.generation ?? 0,
        verdicts: {
          Accepted: 'refused' in plan ? plan.refused : good('Accepted', 'the schedule is in force'),
          AgentResolved: resolved,
          CronJobReady: ready,
        },
        suspended: schedule.spec.suspend,
        cronJob,
        lastScheduleTime,
        runs,
        count,
        nextAt,
      },
      schedule.status,
      timeText(now),
    );
    await this.#write(schedule, status, signal);
    if (ready.reason === 'ApplyFailed') return { afterMs: APPLY_AGAIN_MS };
    return nextAt === undefined ? {} : { afterMs: Math.max(1000, nextAt - now + 1000) };
  }

  #liveCronJob(namespace: string, name: string): CachedCronJob | undefined {
    const cached = this.#operator.caches.cronJobs.get(namespace, name);
    return cached === undefined ? undefined : this.#cronJobs.newest(cached);
  }

  #jobsOf({ metadata: { namespace, name } }: StoredAgentSchedule): readonly CachedJob[] {
    return this.#operator.caches.jobs.list(namespace).filter(({ metadata }) => metadata.labels?.[labelNames.schedule] === name);
  }

  #podsOf({ metadata: { namespace, name } }: StoredAgentSchedule): readonly CachedPod[] {
    return this.#operator.caches.pods.list(namespace).filter(({ metadata }) => metadata.labels?.[labelNames.schedule] === name);
  }

  /** The CronJob as it should be. While the agent is missing nothing is begun, and while the schedule cannot be read the last good one stands. */
  async #apply(
    schedule: StoredAgentSchedule,
    plan: Plan,
    agent: StoredEventAgent | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly verdict: Verdict; readonly repaired: readonly string[] }> {
    const { applier, caches, pods, prefix } = this.#operator;
    const { namespace, name } = schedule.metadata;
    const cronJob = cronJobName(name);
    const live = this.#liveCronJob(namespace, cronJob);
    if ('refused' in plan || agent === undefined)
      return { verdict: await this.#keep(cronJob, live, schedule.spec.suspend || agent === undefined, signal), repaired: [] };
    const objects = scheduleObjectsFor(schedule, {
      agent,
      cron: plan.cron,
      delayMs: plan.schedule.delayMs,
      configuration: JSON.stringify(compileSchedule(schedule, agent, { uid: schedule.metadata.uid ?? '', prefix })),
      suspend: schedule.spec.suspend,
      pods,
    });
    const configurationName = objects.configuration.metadata.name;
    const configuration = caches.configMaps.get(namespace, configurationName);
    const wasThere = wasCurrent(schedule);
    const repaired: string[] = [];
    try {
      for (const [resource, object, known, isDrift] of [
        // Another configuration of the same spec comes from another agent, or another operator.
        [
          resources.configMaps,
          objects.configuration,
          configuration === undefined ? undefined : this.#configurations.newest(configuration),
          wasThere && configurationOf(live?.spec?.jobTemplate?.spec?.template) === configurationName,
        ],
        [resources.cronJobs, objects.cronJob, live, wasThere],
      ] as const) {
        const applied = await applier.apply(resource, object, known, signal);
        const what = `${object.kind} ${object.metadata.name}`;
        if (applied.did === 'leave')
          return { verdict: bad('NameTaken', `${what} exists and was not made for this schedule: rename or delete it`), repaired };
        if (applied.did === 'nothing') continue;
        if (object === objects.cronJob) this.#cronJobs.remember(applied.object as CachedCronJob);
        else this.#configurations.remember(applied.object);
        if (applied.repaired || (known === undefined && isDrift)) repaired.push(what);
      }
      await this.#prune(schedule, configurationName, signal);
    } catch (error) {
      return { verdict: refusalOf(error), repaired };
    }
    return { verdict: good('CronJobCurrent', `CronJob ${cronJob} is as it should be`), repaired };
  }

  /** The CronJob as it was last accepted, at work or not. */
  async #keep(cronJob: string, live: CachedCronJob | undefined, suspend: boolean, signal: AbortSignal): Promise<Verdict> {
    if (live === undefined) return bad('NotObserved', 'there is no CronJob before the schedule and its agent are accepted');
    if ((live.spec?.suspend ?? false) !== suspend) {
      // It is not any more what was applied, and that was nobody else.
      const patch = { metadata: { annotations: { [APPLIED_ANNOTATION]: null } }, spec: { suspend } };
      const { namespace, name } = live.metadata;
      this.#cronJobs.remember(await this.#operator.kube.mergePatch<CachedCronJob>(resources.cronJobs, namespace, name, patch, {}, signal));
    }
    return good('CronJobCurrent', `CronJob ${cronJob} is as it was last accepted${suspend ? ', and suspended' : ''}`);
  }

  /** Configurations that no Job needs any more. A Job that is about to start its pod needs one too, and so does one that the CronJob is about to make. */
  async #prune(schedule: StoredAgentSchedule, current: string, signal: AbortSignal): Promise<void> {
    const { caches, kube } = this.#operator;
    const { namespace, name } = schedule.metadata;
    const needed = new Set([
      current,
      configurationOf(caches.cronJobs.get(namespace, cronJobName(name))?.spec?.jobTemplate?.spec?.template),
      ...this.#jobsOf(schedule)
        .filter((job) => endConditionOf(job) === undefined)
        .map(({ spec }) => configurationOf(spec?.template)),
      ...this.#podsOf(schedule).map(configurationOf),
    ]);
    for (const { metadata } of caches.configMaps.list(namespace)) {
      if (metadata.labels?.[labelNames.schedule] !== name || needed.has(metadata.name)) continue;
      await kube.delete(resources.configMaps, namespace, metadata.name, {}, signal);
    }
  }

  async #write(schedule: StoredAgentSchedule, status: AgentScheduleStatus, signal: AbortSignal): Promise<void> {
    const { kube, events } = this.#operator;
    if (isDeepStrictEqual(schedule.status, status)) return;
    const written = await writeStatus(kube, resources.agentSchedules, schedule, status, signal);
    if (written === undefined) return;
    this.#schedules.remember(written);
    for (const type of TOLD) {
      const was = schedule.status?.conditions?.find((condition) => condition.type === type);
      const is = status.conditions?.find((condition) => condition.type === type);
      if (is === undefined || (was?.status === is.status && was.reason === is.reason)) continue;
      if (was === undefined && is.status !== 'True') continue;
      const isGood = type === 'MissedRuns' ? is.status === 'False' : is.status === 'True';
      events.record(schedule, { type: isGood ? 'Normal' : 'Warning', reason: is.reason, note: is.message, action: 'Reconcile' });
    }
  }
}

/** A schedule that can be read, or why it cannot. */
type Plan = { readonly cron: string; readonly schedule: Schedule } | { readonly refused: Verdict };

function planOf(schedule: StoredAgentSchedule): Plan {
  const problems = scheduleProblems(schedule);
  if (problems.length > 0) return { refused: bad('Invalid', problems.map(({ path, message }) => `${path}: ${message}`).join('; ')) };
  const cron = cronTextOf(schedule);
  return { cron, schedule: parseSchedule(cron, schedule.spec.timeZone) };
}

/** What the CronJob goes by: while the schedule cannot be read, the last good one. */
function scheduleInForce(plan: Plan, cronJob: CachedCronJob | undefined): Schedule | undefined {
  if (!('refused' in plan)) return plan.schedule;
  const { schedule, timeZone = DEFAULT_TIME_ZONE } = cronJob?.spec ?? {};
  if (schedule === undefined) return undefined;
  try {
    return parseSchedule(schedule, timeZone);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return undefined;
  }
}

/** What was counted before. A schedule is looked at from its creation on, and anew from when it was changed, or when its runs could begin again. */
function countedBefore({ metadata, status }: StoredAgentSchedule, halted: boolean, now: number): Count {
  const through = Date.parse(status?.countedThrough ?? metadata.creationTimestamp ?? new Date(0).toISOString());
  const is = (type: string) => status?.conditions?.find((condition) => condition.type === type)?.status;
  const wasOther =
    status !== undefined &&
    (status.observedGeneration !== metadata.generation || is('Suspended') === 'True' || is('AgentResolved') === 'False');
  return { missed: status?.missedRuns ?? 0, through: wasOther && !halted ? Math.max(through, now) : through };
}

/** Whether the CronJob of this very spec was there: if it is missing now, somebody has taken it away. */
function wasCurrent({ metadata, status }: StoredAgentSchedule): boolean {
  const known = status?.conditions?.find(({ type }) => type === 'CronJobReady');
  return known?.status === 'True' && known.observedGeneration === metadata.generation;
}

/** The name of the configuration that a pod mounts, or those of a template. */
function configurationOf(pod: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } } | undefined) {
  return pod?.metadata?.annotations?.[CONFIGURATION_ANNOTATION];
}
