import type { AgentSchedule } from '../../api/generated/agent-schedule.ts';
import type { ObjectHead, ObjectMeta } from '../../kube/resources.ts';

/** An AgentSchedule as the API server has it: defaults applied, and with all its metadata. */
export type StoredAgentSchedule = Omit<AgentSchedule, 'metadata'> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & AgentSchedule['metadata'];
};

/** Of a pod template only what says which configuration it names. */
interface CachedTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** A CronJob as it is cached. */
export type CachedCronJob = ObjectHead & {
  readonly spec?: {
    readonly schedule?: string;
    readonly timeZone?: string;
    readonly suspend?: boolean;
    readonly startingDeadlineSeconds?: number;
    readonly jobTemplate?: { readonly spec?: { readonly template?: CachedTemplate } };
  };
  readonly status?: { readonly lastScheduleTime?: string };
};

/** A Job as it is cached. */
export type CachedJob = ObjectHead & {
  readonly spec?: { readonly template?: CachedTemplate };
  readonly status?: {
    readonly active?: number;
    /** Pods that have failed, but for those that the pod failure policy ignores. */
    readonly failed?: number;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
};
