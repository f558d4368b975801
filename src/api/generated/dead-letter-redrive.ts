// Generated from crds/deadletterredrives.yaml by `npm run generate`. Do not edit.

/**
 * Runs dead letters of an agent again, once: each becomes the same event in its next generation, from its first attempt. It runs as a Job, may be interrupted at any time, and leaves what its filter does not name where it is.
 */
export interface DeadLetterRedrive {
  /**
   * Group and version of this resource.
   */
  readonly apiVersion: string;
  /**
   * Kind of this resource.
   */
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: DeadLetterRedriveSpec;
  readonly status?: DeadLetterRedriveStatus;
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
 * Which dead letters are run again, and how fast. It cannot be changed.
 */
export interface DeadLetterRedriveSpec {
  readonly agentRef: AgentRef;
  readonly filter?: DeadLetterFilter;
  /**
   * Only says what would be done, and about what it would cost; nothing is changed.
   */
  readonly dryRun: boolean;
  /**
   * No more events than this are redriven, 1 to 10000000. Without it all that are meant.
   */
  readonly limit?: number;
  /**
   * At most so many events a minute are redriven, 1 to 60000.
   */
  readonly eventsPerMinute: number;
  /**
   * The redrive stops when so many of a hundred of the last 20 redriven events that ended, and of at least 10, became dead letters again, 1 to 100. No more than 50 redriven events are under way at a time.
   */
  readonly stopAtFailurePercent: number;
  /**
   * How long no redriven event may come to an end before the last ones are not waited for any more; where others are left, the redrive stops. In seconds, 10 to 86400 (1 day).
   */
  readonly outcomeTimeoutSeconds: number;
  /**
   * The redrive is deleted so long after its end; without it, it stays. In seconds, 0 to 31536000 (a year). Leave it out where a GitOps tool applies the redrive: it would apply it again.
   */
  readonly ttlSecondsAfterFinished?: number;
}
/**
 * The agent whose dead letters they are.
 */
export interface AgentRef {
  /**
   * Name of an EventAgent in the same namespace. A DNS label of 1 to 40 characters.
   */
  readonly name: string;
}
/**
 * Which dead letters are meant, of those that lie in the queue when the redrive begins; all that is given must hold. Without it all are.
 */
export interface DeadLetterFilter {
  /**
   * Only those of this reason, one of the dead-letter reasons of the reference.
   */
  readonly reason?:
    | 'NoEventId'
    | 'UnreadableBody'
    | 'HopLimit'
    | 'FilterError'
    | 'KeyError'
    | 'TemplateError'
    | 'ModelBadRequest'
    | 'ContextTooLong'
    | 'Refused'
    | 'AnswerTruncated'
    | 'ToolUse'
    | 'TurnPaused'
    | 'UnknownStop'
    | 'OutputRejected'
    | 'OutputForbidden'
    | 'OutputUnknown'
    | 'EventBudgetSpent'
    | 'ExceedsBudget'
    | 'AttemptsExhausted'
    | 'CrashLoop'
    | 'GivenUpByBroker'
    | 'PutByHand';
  /**
   * Only those of this cause, twelve hex digits, as `eventagent dlq ls` and the dead letters themselves show it.
   */
  readonly fingerprint?: string;
  /**
   * Only events of exactly this type, such as `github.pull_request`. 1 to 256 characters.
   */
  readonly type?: string;
  /**
   * Only those that had been dead for longer when the redrive began. In seconds, 1 to 31536000 (a year).
   */
  readonly olderThanSeconds?: number;
  /**
   * Only those that had been dead for less when the redrive began. In seconds, 1 to 31536000 (a year).
   */
  readonly newerThanSeconds?: number;
}
/**
 * What the operator saw and did; written by it alone.
 */
export interface DeadLetterRedriveStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  readonly observedGeneration?: number;
  /**
   * What is well and what is not; reasons come from a closed list in the reference.
   */
  readonly conditions?: readonly Condition[];
  /**
   * In one word: whether it waits, runs, is complete or has failed; its conditions say why.
   */
  readonly state?: 'Waiting' | 'Running' | 'Complete' | 'Failed';
  /**
   * Name of the Job that does it.
   */
  readonly job?: string;
  /**
   * When the Job was made.
   */
  readonly startTime?: string;
  /**
   * When the redrive ended; missing while it has not.
   */
  readonly completionTime?: string;
  /**
   * How many messages the queue held when the redrive began.
   */
  readonly found?: number;
  /**
   * How many events were published to run again; of a dry run, would be.
   */
  readonly redriven?: number;
  /**
   * How many dead letters were taken away, since their events have been redriven or have ended since.
   */
  readonly superseded?: number;
  /**
   * How many further copies of the same dead letters were taken away.
   */
  readonly copies?: number;
  /**
   * How many of those that were found are left where they were.
   */
  readonly left?: number;
  /**
   * How many events have a record that cannot be read; their dead letters are among those that are left. Missing where there are none.
   */
  readonly unreadable?: number;
  /**
   * How many of the redriven events have an output that was sent and whose answer nobody knows; it is sent again with the same idempotency key.
   */
  readonly openIntents?: number;
  /**
   * How many of the redriven events are done.
   */
  readonly succeeded?: number;
  /**
   * How many of them ended by a rule of the agent, such as its filter.
   */
  readonly discarded?: number;
  /**
   * How many of them became dead letters again.
   */
  readonly deadAgain?: number;
  /**
   * How many of them have not ended, as far as it was looked.
   */
  readonly underWay?: number;
  /**
   * How many of them are in none of the four numbers before, nor in the rate of failures: their dead letters had no key, so that it was not seen how they ended. Missing where there are none.
   */
  readonly notFollowed?: number;
  /**
   * Of a dry run, in US dollars: as many times the mean of what events have cost that ended as done. Missing where none has whose cost is known.
   */
  readonly estimatedCost?: string;
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
