import { conditionReasons, type DeadLetterRedriveCondition } from '../../api/conditions.ts';
import type { DeadLetterRedriveStatus } from '../../api/generated/dead-letter-redrive.ts';
import { usdDecimal } from '../../api/prices.ts';
import { leftOf, type RedriveProgress, redriveText } from '../../api/redrive-progress.ts';
import { conditionFor } from '../event-agent/status.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';

/** How the Job of a redrive stands. */
export type JobState =
  /** There is none yet; why, where something is in the way. */
  | { readonly is: 'missing'; readonly trouble?: Verdict }
  /** `trouble`: why its pod is not at work. */
  | { readonly is: 'running'; readonly name: string; readonly createdAt?: string; readonly trouble?: Verdict }
  /** `words`: what its last pod said instead of an outcome, or else Kubernetes. */
  | {
      readonly is: 'over';
      readonly succeeded: boolean;
      readonly name: string;
      readonly createdAt?: string;
      readonly finishedAt: string;
      readonly words?: string;
    };

/** What the status of a redrive is made of. */
export interface RedriveStatusParts {
  readonly generation: number;
  readonly agent: Verdict;
  readonly dryRun: boolean;
  readonly job: JobState;
  /** What the process has told; `undefined` where it has not been heard. */
  readonly progress: RedriveProgress | undefined;
}

/** Whether a redrive has come to its end, by its own status: then it is not begun again. */
export function hasEnded(status: DeadLetterRedriveStatus | undefined): boolean {
  return status?.state === 'Complete' || status?.state === 'Failed';
}

/** The status of a redrive, given the one before: numbers stay while nobody tells others. `now` as RFC 3339. Pure. */
export function redriveStatusFor(
  parts: RedriveStatusParts,
  before: DeadLetterRedriveStatus | undefined,
  now: string,
): DeadLetterRedriveStatus {
  const { generation, agent, job, progress } = parts;
  const end = job.is === 'over' ? endOf(parts, job) : undefined;
  const all: Readonly<Record<DeadLetterRedriveCondition, Verdict>> = {
    AgentResolved: agent,
    Running: runningVerdict(parts),
    Complete: end?.complete ?? bad('NotEnded', 'it has not ended'),
    Failed: end?.failed ?? bad('NotEnded', 'it has not ended'),
  };
  const { observedGeneration: _generation, conditions, state: _state, ...known } = before ?? {};
  return {
    ...known,
    observedGeneration: generation,
    conditions: Object.entries(all).map(([type, verdict]) => conditionFor(type, verdict, generation, conditions, now)),
    state: stateOf(all),
    ...(job.is === 'missing' ? {} : { job: job.name }),
    ...(job.is === 'missing' || job.createdAt === undefined ? {} : { startTime: job.createdAt }),
    ...(job.is === 'over' ? { completionTime: job.finishedAt } : {}),
    ...(progress === undefined ? {} : numbersOf(progress)),
  };
}

function stateOf({
  Complete,
  Failed,
  Running,
}: Readonly<Record<DeadLetterRedriveCondition, Verdict>>): NonNullable<DeadLetterRedriveStatus['state']> {
  if (Complete.status === 'True') return 'Complete';
  if (Failed.status === 'True') return 'Failed';
  return Running.status === 'True' ? 'Running' : 'Waiting';
}

function runningVerdict({ job, agent }: RedriveStatusParts): Verdict {
  switch (job.is) {
    case 'missing':
      return job.trouble ?? bad('NotStarted', agent.status === 'True' ? 'its Job is being made' : agent.message);
    case 'running':
      return job.trouble ?? good('Redriving', `Job ${job.name} is at work`);
    case 'over':
      return bad('Ended', `Job ${job.name} has ended`);
    default:
      return job satisfies never;
  }
}

function endOf(
  { progress, dryRun }: RedriveStatusParts,
  { succeeded, words }: Extract<JobState, { is: 'over' }>,
): { readonly complete: Verdict; readonly failed: Verdict } {
  const failed = (
    reason: Extract<keyof typeof conditionReasons, 'FailureRateHigh' | 'NoProgress' | 'RecordsUnreadable' | 'JobFailed'>,
    message: string,
  ) => ({
    complete: bad(reason, message),
    failed: good(reason, message),
  });
  const complete = (message: string) => {
    const reason = dryRun ? 'DryRun' : 'Redriven';
    return { complete: good(reason, message), failed: bad(reason, message) };
  };
  const outcome = progress?.outcome;
  switch (outcome) {
    case 'complete':
      return complete(progress === undefined ? '' : redriveText(progress.counts, dryRun));
    case 'failure-rate':
      return failed('FailureRateHigh', progress?.message ?? conditionReasons.FailureRateHigh);
    case 'no-progress':
      return failed('NoProgress', progress?.message ?? conditionReasons.NoProgress);
    case 'records-unreadable':
      return failed('RecordsUnreadable', progress?.message ?? conditionReasons.RecordsUnreadable);
    case undefined:
      // Its pods are gone, and nobody has heard them.
      return succeeded
        ? complete('its Job is complete, and its pods have left no word')
        : failed('JobFailed', words ?? 'its Job failed, and its pods have left no word: see their logs');
    default:
      return outcome satisfies never;
  }
}

function numbersOf({ counts, estimatedCostNanoUsd }: RedriveProgress): Partial<DeadLetterRedriveStatus> {
  const { depth, redriven, superseded, copies, withOpenIntents, unreadable, ends } = counts;
  return {
    found: depth,
    redriven,
    superseded,
    copies,
    left: Math.max(0, leftOf(counts)),
    openIntents: withOpenIntents,
    ...(unreadable === undefined ? {} : { unreadable: unreadable.events }),
    ...ends,
    ...(estimatedCostNanoUsd === undefined ? {} : { estimatedCost: usdDecimal(estimatedCostNanoUsd) }),
  };
}

/** That nothing is known of a Job's pods. */
export const notHeard: Verdict = unknown('NotObserved', 'its pod is being started');
