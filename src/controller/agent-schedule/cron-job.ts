import { CONFIGURATION_KEY, configMapName, cronJobName, labelsFor } from '../../api/kube-names.ts';
import { tickExitCodes } from '../../api/tick-outcomes.ts';
import type { KubeObject } from '../../kube/resources.ts';
import { ownerOf } from '../event-agent/desired.ts';
import type { StoredEventAgent } from '../event-agent/resource.ts';
import type { PodDefaults } from '../operator.ts';
import { configurationMapFor } from '../pods/deployment.ts';
import { jobPodTemplateFor, TRIES } from '../pods/job-pod.ts';
import { podFailurePolicyFor } from '../pods/pod-failure-policy.ts';
import type { StoredAgentSchedule } from './resource.ts';

/** A tick gives up at once what it waits for. */
const GRACE_SECONDS = 30;

/** What a schedule becomes in Kubernetes. */
export interface ScheduleObjects {
  readonly configuration: KubeObject;
  readonly cronJob: KubeObject;
}

/** What the CronJob is made from beside the schedule itself. */
export interface CronJobParts {
  readonly agent: StoredEventAgent;
  /** The cron expression. */
  readonly cron: string;
  /** How long `@every` waits from one time to the next; `undefined` for all else. */
  readonly delayMs: number | undefined;
  /** JSON of the tick's configuration. */
  readonly configuration: string;
  readonly suspend: boolean;
  readonly pods: PodDefaults;
}

/**
 * The ConfigMap and the CronJob of a schedule. A Job is its run: it ends when the agent has ended, so that `Forbid` means that the agent is still at work. Its pod
 * runs where the agent's pods run. Pure.
 */
export function scheduleObjectsFor(
  schedule: StoredAgentSchedule,
  { agent, cron, delayMs, configuration, suspend, pods }: CronJobParts,
): ScheduleObjects {
  const { namespace, name } = schedule.metadata;
  const { timeZone, startingDeadlineSeconds, activeDeadlineSeconds, successfulJobsHistoryLimit, failedJobsHistoryLimit } = schedule.spec;
  const owner = ownerOf(schedule);
  const labels = labelsFor('tick', { agent: agent.metadata.name, schedule: name });
  const cronJob = cronJobName(name);
  const configurationName = configMapName(cronJob, configuration);
  const template = jobPodTemplateFor({
    component: 'tick',
    labels,
    configuration: configurationName,
    agent,
    pods,
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    env: [
      { name: 'EVENTAGENT_JOB_NAME', valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-name']" } } },
      { name: 'EVENTAGENT_JOB_UID', valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']" } } },
    ],
    terminationGracePeriodSeconds: GRACE_SECONDS,
  });
  return {
    configuration: configurationMapFor({ name: configurationName, namespace, labels, data: { [CONFIGURATION_KEY]: configuration }, owner }),
    cronJob: {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: cronJob, namespace, labels, ownerReferences: [owner] },
      spec: {
        schedule: cron,
        timeZone,
        concurrencyPolicy: 'Forbid',
        suspend,
        // Kubernetes counts `@every` from the beginning of the deadline, where that is later than the last run: with a deadline shorter than the delay it is never due.
        startingDeadlineSeconds: startingDeadlineSeconds + (delayMs ?? 0) / 1000,
        successfulJobsHistoryLimit,
        failedJobsHistoryLimit,
        jobTemplate: {
          metadata: { labels },
          spec: { activeDeadlineSeconds, backoffLimit: TRIES, podFailurePolicy: podFailurePolicyFor('tick', tickExitCodes), template },
        },
      },
    },
  };
}
