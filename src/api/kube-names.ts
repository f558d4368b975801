import { createHash } from 'node:crypto';
import type { AgentRef } from './names.ts';

/** What a pod of ours does. */
export type Component = 'runner' | 'gateway' | 'tick' | 'redrive';

/** Labels by which our objects are found. */
export const labelNames = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  component: 'app.kubernetes.io/component',
  agent: 'eventagent.dev/agent',
  schedule: 'eventagent.dev/schedule',
  redrive: 'eventagent.dev/redrive',
} as const;

/** The value of `app.kubernetes.io/managed-by` and of `app.kubernetes.io/name`. */
export const MANAGER = 'eventagent';

/** Selects everything that the operator made. */
export const MANAGED_SELECTOR = `${labelNames.managedBy}=${MANAGER}`;

/** Keeps an agent from vanishing before its topology was seen to. */
export const FINALIZER = 'eventagent.dev/topology';

/** Set to `true` on an agent that is being deleted, lets it go at once, whatever is left on the broker. */
export const RELEASE_ANNOTATION = 'eventagent.dev/release';

/** On a pod template: the ConfigMap whose configuration the pods run. */
export const CONFIGURATION_ANNOTATION = 'eventagent.dev/configuration';

/** On an object of ours: the hash of what was applied, so that a field which is no longer stated is noticed. */
export const APPLIED_ANNOTATION = 'eventagent.dev/applied';

/** The one key of a ConfigMap of ours. */
export const CONFIGURATION_KEY = 'configuration.json';

/** Name of the gateway's Deployment, Service and PodDisruptionBudget in each namespace. */
export const GATEWAY_NAME = 'eventagent-gateway';

/** Ports of the pods, and of the gateway's Service. */
export const ports = { gateway: 8080, metrics: 9090, service: 80 } as const;

/** Kubernetes cuts the name of a CronJob's Jobs out of 63 characters: 52 are left for its own. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#creating-a-cron-job */
const CRON_JOB_NAME_LENGTH = 52;
const JOB_NAME_LENGTH = 52;
const TICK = '-tick';
const REDRIVE = '-redrive';
const HASH_LENGTH = 10;

/** Labels of an object; `owner` tells the agent, the schedule or the redrive. */
export function labelsFor(
  component: Component,
  owner: { readonly agent?: string; readonly schedule?: string; readonly redrive?: string } = {},
) {
  return {
    [labelNames.managedBy]: MANAGER,
    [labelNames.name]: MANAGER,
    [labelNames.component]: component,
    ...(owner.agent === undefined ? {} : { [labelNames.agent]: owner.agent }),
    ...(owner.schedule === undefined ? {} : { [labelNames.schedule]: owner.schedule }),
    ...(owner.redrive === undefined ? {} : { [labelNames.redrive]: owner.redrive }),
  };
}

/** Labels by which a Deployment of ours finds its pods; they never change. */
export function selectorFor(component: Component, agent?: string): Readonly<Record<string, string>> {
  return { [labelNames.name]: MANAGER, [labelNames.component]: component, ...(agent === undefined ? {} : { [labelNames.agent]: agent }) };
}

/** A selector as the `scale` subresource and list requests take it. */
export function selectorText(selector: Readonly<Record<string, string>>): string {
  return Object.entries(selector)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** Name of an agent's runner Deployment: at most 47 characters. */
export function runnerName({ name }: Pick<AgentRef, 'name'>): string {
  return `${name}-runner`;
}

/** Name of the CronJob of a schedule: at most 52 characters, and another one for each schedule. */
export function cronJobName(schedule: string): string {
  const whole = `${schedule}${TICK}`;
  if (whole.length <= CRON_JOB_NAME_LENGTH) return whole;
  const hash = contentHash(schedule);
  const kept = schedule.slice(0, CRON_JOB_NAME_LENGTH - TICK.length - HASH_LENGTH - 1).replace(/-+$/, '');
  return `${kept}-${hash}${TICK}`;
}

/** Name of the Job of a redrive: at most 52 characters, so that a ConfigMap's and a pod's name can begin with it, and another one for each redrive in each of its lives. */
export function redriveJobName(redrive: string, uid: string): string {
  const hash = contentHash(uid);
  const kept = redrive.slice(0, JOB_NAME_LENGTH - REDRIVE.length - HASH_LENGTH - 1).replace(/-+$/, '');
  return `${kept}${REDRIVE}-${hash}`;
}

/** Name of an immutable ConfigMap with this text. */
export function configMapName(base: string, text: string): string {
  return `${base}-${contentHash(text)}`;
}

/** Ten hex digits of the SHA-256 of a text. */
export function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
}
