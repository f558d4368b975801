// Generated from crds/agentschedules.yaml by `npm run generate`. Do not edit.

/**
 * Gives an agent an event at set times, such as each morning at seven. The event waits, is retried and is given up like any other of the agent's; while a run is under way no other begins.
 */
export interface AgentSchedule {
  /**
   * Group and version of this resource.
   */
  readonly apiVersion: string;
  /**
   * Kind of this resource.
   */
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: AgentScheduleSpec;
  readonly status?: AgentScheduleStatus;
}
/**
 * The standard metadata of Kubernetes; further fields are kept and not looked at.
 */
export interface ObjectMeta {
  /**
   * A DNS label of at most 63 characters.
   */
  readonly name: string;
  /**
   * A DNS label; `default` where the manifest names none.
   */
  readonly namespace: string;
  readonly labels?: {
    readonly [k: string]: string;
  };
  readonly annotations?: {
    readonly [k: string]: string;
  };
}
/**
 * When the agent runs, and on what.
 */
export interface AgentScheduleSpec {
  /**
   * A cron expression, exactly as a CronJob reads it: minute, hour, day of month, month, day of week (0 to 6 or names, 0 is Sunday), each with lists, ranges and steps; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`; or `@every` with a duration. ASCII, 1 to 200 characters.
   */
  readonly schedule?: string;
  /**
   * An interval that cron can say, counted from the full hour, or from midnight of `timeZone`: `15m` is at 0, 15, 30 and 45 minutes past.
   */
  readonly every?:
    | '1m'
    | '2m'
    | '3m'
    | '4m'
    | '5m'
    | '6m'
    | '10m'
    | '12m'
    | '15m'
    | '20m'
    | '30m'
    | '1h'
    | '2h'
    | '3h'
    | '4h'
    | '6h'
    | '8h'
    | '12h'
    | '24h';
  /**
   * The time zone whose clock counts, by its name in the IANA database, such as `Europe/Berlin`. Where it has daylight saving, a time that is skipped in spring is not met, and one that comes twice in autumn is met twice. 1 to 64 characters.
   */
  readonly timeZone: string;
  readonly agentRef: AgentRef;
  /**
   * What the agent gets as `event.data`, any object of at most 64 fields and, as JSON, 65536 bytes. Without it an empty object.
   */
  readonly input?: {
    readonly [k: string]: unknown;
  };
  readonly deadLetterReview?: DeadLetterReview;
  /**
   * A run that could not begin so long after its time (the cluster was down, the run before was still under way) is left out and counted as missed. In seconds, 10 to 86400 (1 day).
   */
  readonly startingDeadlineSeconds: number;
  /**
   * How long the end of a run is waited for, retries included; then the run counts as failed, although its event may still be run. In seconds, 30 to 604800 (7 days).
   */
  readonly activeDeadlineSeconds: number;
  /**
   * How many Jobs of runs that ended well are kept, 0 to 100.
   */
  readonly successfulJobsHistoryLimit: number;
  /**
   * How many Jobs of runs that failed are kept, 0 to 100.
   */
  readonly failedJobsHistoryLimit: number;
  /**
   * Stops the schedule: no run begins. One that is under way goes on.
   */
  readonly suspend: boolean;
}
/**
 * The agent that gets the events.
 */
export interface AgentRef {
  /**
   * Name of an EventAgent in the same namespace. A DNS label of 1 to 40 characters.
   */
  readonly name: string;
}
/**
 * Has the event tell of the dead letters of agents, as `event.data.deadLetters`: by agent and cause, how many there are, how many have come and gone since the last run, the trend, the oldest, an example; the JSON of `eventagent dlq review`. No payload is in it, and all of them stay where they are.
 */
export interface DeadLetterReview {
  /**
   * Names of EventAgents of the same namespace, 1 to 50.
   *
   * Items: A DNS label of 1 to 40 characters.
   */
  readonly agents: readonly string[];
}
/**
 * What the operator saw and did; written by it alone.
 */
export interface AgentScheduleStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  readonly observedGeneration?: number;
  /**
   * What is well and what is not; reasons come from a closed list in the reference.
   */
  readonly conditions?: readonly Condition[];
  /**
   * Name of the CronJob that the schedule became.
   */
  readonly cronJob?: string;
  /**
   * The time of the schedule that a run was last begun for.
   */
  readonly lastScheduleTime?: string;
  readonly lastRun?: ScheduledRun;
  /**
   * When the next run is due; missing while there is none.
   */
  readonly nextScheduleTime?: string;
  /**
   * How many runs were due since the schedule was created and could not begin.
   */
  readonly missedRuns?: number;
  /**
   * Until when `missedRuns` has looked for runs that were due.
   */
  readonly countedThrough?: string;
}
/**
 * One condition, as Kubernetes defines it.
 */
export interface Condition {
  /**
   * What the condition speaks of.
   */
  readonly type: string;
  /**
   * Whether it holds.
   */
  readonly status: 'True' | 'False' | 'Unknown';
  /**
   * One word of a closed list.
   */
  readonly reason: string;
  /**
   * What was seen, on which object, and what to do.
   */
  readonly message: string;
  /**
   * When the status last changed.
   */
  readonly lastTransitionTime: string;
  /**
   * The generation of the spec that the condition speaks of.
   */
  readonly observedGeneration: number;
}
/**
 * The last run that has ended.
 */
export interface ScheduledRun {
  /**
   * The time of the schedule that the run was for; missing where somebody started it by hand.
   */
  readonly slot?: string;
  /**
   * How it ended, an outcome of a tick, or `deadline` or `failed` where its Job ended without one.
   */
  readonly outcome: string;
  /**
   * Why, where the outcome does not say.
   */
  readonly reason?: string;
  /**
   * When it ended.
   */
  readonly finishedAt: string;
}
