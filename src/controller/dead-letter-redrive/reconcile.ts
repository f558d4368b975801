import { isDeepStrictEqual } from 'node:util';
import type { DeadLetterRedriveStatus } from '../../api/generated/dead-letter-redrive.ts';
import type { RedriveProgress } from '../../api/redrive-progress.ts';
import { KubeError } from '../../kube/kube-error.ts';
import { troubleOf } from '../../kube/pod-trouble.ts';
import { resources } from '../../kube/resources.ts';
import type { CachedJob } from '../agent-schedule/resource.ts';
import { endConditionOf } from '../agent-schedule/runs.ts';
import { timeText } from '../agent-schedule/status.ts';
import { resolvedAgent } from '../event-agent/resolved.ts';
import type { StoredEventAgent } from '../event-agent/resource.ts';
import type { CachedPod, Operator, Reconciled } from '../operator.ts';
import { askAboutPods, askPod } from '../pods/ask.ts';
import { byAge } from '../pods/by-age.ts';
import { refusalOf } from '../refusal.ts';
import { bad, type Verdict } from '../verdict.ts';
import { writeStatus } from '../write-status.ts';
import { Written } from '../written.ts';
import { jobNameOf, redriveConfigurationFor, redriveJobFor } from './job.ts';
import { lastWordsOf, progressIn } from './last-words.ts';
import type { StoredDeadLetterRedrive } from './resource.ts';
import { hasEnded, type JobState, notHeard, redriveStatusFor } from './status.ts';

/** What failed for a passing reason is tried again, and a Job at work is asked, this often. */
const AGAIN_MS = 5000;

/** How long the last words of a Job are waited for when it has ended. */
const LAST_WORDS_MS = 15_000;

/** Conditions whose changes are told as events. */
const TOLD = ['Running', 'Complete', 'Failed'] as const;

/** Brings one redrive to its Job, and its status to what the Job does. One for all redrives; holds only what the caches have not seen yet. */
export class DeadLetterRedriveReconciler {
  readonly #operator: Operator;
  readonly #redrives = new Written<StoredDeadLetterRedrive>();
  readonly #jobs = new Written<CachedJob>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Rejects where the API server fails, and may be repeated. */
  async reconcile(namespace: string, name: string, signal: AbortSignal): Promise<Reconciled> {
    const { caches, clock } = this.#operator;
    const cached = caches.deadLetterRedrives.get(namespace, name);
    if (cached === undefined) {
      const last = this.#redrives.last(namespace, name);
      if (last !== undefined) this.#jobs.forget(namespace, jobNameOf(last));
      this.#redrives.forget(namespace, name);
      return { gone: true };
    }
    const redrive = this.#redrives.newest(cached);
    if (redrive.metadata.deletionTimestamp !== undefined) return {};
    if (hasEnded(redrive.status)) return this.#afterEnd(redrive, signal);
    const { agent, verdict } = resolvedAgent(this.#operator, namespace, redrive.spec.agentRef.name, 'make a redrive that names another');
    const pods = this.#podsOf(redrive);
    const live = this.#liveJobOf(redrive);
    const job = await this.#jobStateOf(redrive, live, agent, pods, signal);
    const status = redriveStatusFor(
      {
        generation: redrive.metadata.generation ?? 0,
        agent: verdict,
        dryRun: redrive.spec.dryRun,
        job,
        progress: job.is === 'over' ? toldProgress(live, pods) : await askedProgress(pods, signal),
      },
      redrive.status,
      timeText(clock.now()),
    );
    await this.#write(redrive, status, signal);
    return job.is === 'missing' && job.trouble === undefined ? {} : { afterMs: AGAIN_MS };
  }

  /** Deletes a redrive that has ended for as long as it says. */
  async #afterEnd({ metadata, spec, status }: StoredDeadLetterRedrive, signal: AbortSignal): Promise<Reconciled> {
    const { ttlSecondsAfterFinished: ttl } = spec;
    if (ttl === undefined || status?.completionTime === undefined) return {};
    const leftMs = Date.parse(status.completionTime) + ttl * 1000 - this.#operator.clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    const { namespace, name, uid } = metadata;
    try {
      await this.#operator.kube.delete(resources.deadLetterRedrives, namespace, name, uid === undefined ? {} : { uid }, signal);
    } catch (error) {
      // Another one of the name was made meanwhile.
      if (!(error instanceof KubeError) || error.code !== 'Conflict') throw error;
    }
    return {};
  }

  #podsOf(redrive: StoredDeadLetterRedrive): readonly CachedPod[] {
    const job = jobNameOf(redrive);
    return this.#operator.caches.pods
      .list(redrive.metadata.namespace)
      .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.kind === 'Job' && owner.name === job));
  }

  #liveJobOf(redrive: StoredDeadLetterRedrive): CachedJob | undefined {
    const { namespace } = redrive.metadata;
    const jobName = jobNameOf(redrive);
    const cached = this.#operator.caches.jobs.get(namespace, jobName);
    return cached === undefined ? this.#jobs.last(namespace, jobName) : this.#jobs.newest(cached);
  }

  /** How the Job of a redrive that has not ended stands, which is made where there is none. */
  async #jobStateOf(
    redrive: StoredDeadLetterRedrive,
    live: CachedJob | undefined,
    agent: StoredEventAgent | undefined,
    pods: readonly CachedPod[],
    signal: AbortSignal,
  ): Promise<JobState> {
    const jobName = jobNameOf(redrive);
    if (live === undefined) {
      const trouble = agent === undefined ? undefined : await this.#make(redrive, agent, signal);
      return { is: 'missing', ...(trouble === undefined ? {} : { trouble }) };
    }
    const { creationTimestamp } = live.metadata;
    const made = { name: jobName, ...(creationTimestamp === undefined ? {} : { createdAt: creationTimestamp }) };
    const over = endConditionOf(live);
    if (over !== undefined) {
      const now = this.#operator.clock.now();
      const finishedAt = live.status?.completionTime ?? over.lastTransitionTime ?? timeText(now);
      const said = lastWordsOf(live, pods);
      // The pods are followed by themselves, and their last words may come a little later.
      if (said === undefined && now - Date.parse(finishedAt) < LAST_WORDS_MS) return { is: 'running', ...made, trouble: notHeard };
      const words = said !== undefined && 'words' in said ? said.words : over.message;
      return { is: 'over', succeeded: over.type === 'Complete', ...made, finishedAt, ...(words === undefined ? {} : { words }) };
    }
    // Another pod may be begun at any time, and needs it.
    const trouble = (await this.#make(redrive, undefined, signal)) ?? (await this.#troubleOf(pods, signal));
    return { is: 'running', ...made, ...(trouble === undefined ? {} : { trouble }) };
  }

  /** Makes the ConfigMap and, where an agent is given, the Job; what was in the way, if anything was. */
  async #make(redrive: StoredDeadLetterRedrive, agent: StoredEventAgent | undefined, signal: AbortSignal): Promise<Verdict | undefined> {
    const { applier, caches, prefix, pods } = this.#operator;
    const configuration = redriveConfigurationFor(redrive, prefix);
    const { namespace = '', name } = configuration.metadata;
    const job = agent === undefined ? undefined : redriveJobFor(redrive, agent, name, pods);
    try {
      for (const [resource, object, live] of [
        [resources.configMaps, configuration, caches.configMaps.get(namespace, name)],
        ...(job === undefined ? [] : [[resources.jobs, job, undefined] as const]),
      ] as const) {
        const applied = await applier.apply(resource, object, live, signal);
        if (applied.did === 'leave')
          return bad('NameTaken', `${object.kind} ${object.metadata.name} exists and was not made for this redrive: delete it`);
        if (applied.did === 'apply' && object === job) this.#jobs.remember(applied.object as CachedJob);
      }
    } catch (error) {
      return refusalOf(error);
    }
    return undefined;
  }

  /** Why no pod of the Job is at work; `undefined` where one is. */
  async #troubleOf(pods: readonly CachedPod[], signal: AbortSignal): Promise<Verdict | undefined> {
    const present = pods.filter(({ status }) => status?.phase === 'Pending' || status?.phase === 'Running');
    const [pod] = present.length > 0 ? present : pods.toSorted(byAge).slice(-1);
    if (pod === undefined) return notHeard;
    const { events, unready } = await askAboutPods(this.#operator, [pod], signal);
    if (pod.status?.phase === 'Running' && unready.get(pod.metadata.name) === undefined) return undefined;
    const trouble = troubleOf(pod, events.get(pod.metadata.name) ?? [], unready.get(pod.metadata.name));
    return trouble === undefined ? notHeard : bad(trouble.reason, trouble.message);
  }

  async #write(redrive: StoredDeadLetterRedrive, status: DeadLetterRedriveStatus, signal: AbortSignal): Promise<void> {
    const { kube, events } = this.#operator;
    if (isDeepStrictEqual(redrive.status, status)) return;
    const written = await writeStatus(kube, resources.deadLetterRedrives, redrive, status, signal);
    if (written === undefined) return;
    this.#redrives.remember(written);
    for (const type of TOLD) {
      const was = redrive.status?.conditions?.find((condition) => condition.type === type);
      const is = status.conditions?.find((condition) => condition.type === type);
      if (is?.status !== 'True' || (was?.status === 'True' && was.reason === is.reason)) continue;
      events.record(redrive, { type: type === 'Failed' ? 'Warning' : 'Normal', reason: is.reason, note: is.message, action: 'Redrive' });
    }
  }
}

/** What the process has told at its end. */
function toldProgress(job: CachedJob | undefined, pods: readonly CachedPod[]): RedriveProgress | undefined {
  const said = job === undefined ? undefined : lastWordsOf(job, pods);
  return said !== undefined && 'progress' in said ? said.progress : undefined;
}

/** How far the redrive is, by its pod at work; `undefined` where none can be asked. */
async function askedProgress(pods: readonly CachedPod[], signal: AbortSignal): Promise<RedriveProgress | undefined> {
  for (const pod of pods) {
    if (pod.status?.phase !== 'Running') continue;
    const answer = await askPod(pod, '/status', signal);
    const progress = answer?.ok ? progressIn(answer.text) : undefined;
    if (progress !== undefined) return progress;
  }
  return undefined;
}
