import { conditionReasons, type DeadLetterRedriveCondition } from '../../api/conditions.ts';
import type { DeadLetterRedriveStatus } from '../../api/generated/dead-letter-redrive.ts';
import { usdDecimal } from '../../api/prices.ts';
import type { RedriveCounts, RedriveProgress } from '../../api/redrive-progress.ts';
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
  const failed = (reason: Extract<keyof typeof conditionReasons, 'FailureRateHigh' | 'NoProgress' | 'JobFailed'>, message: string) => ({
    complete: bad(reason, message),
    failed: good(reason, message),
  });
  const outcome = progress?.outcome;
  switch (outcome) {
    case 'complete': {
      const verdict = good(
        dryRun ? 'DryRun' : 'Redriven',
        `${dryRun ? 'nothing was changed: ' : ''}${progress === undefined ? '' : countsText(progress.counts, dryRun)}`,
      );
      return { complete: verdict, failed: bad(verdict.reason, verdict.message) };
    }
    case 'failure-rate':
      return failed('FailureRateHigh', progress?.message ?? conditionReasons.FailureRateHigh);
    case 'no-progress':
      return failed('NoProgress', progress?.message ?? conditionReasons.NoProgress);
    case undefined: {
      // Its pods are gone, and nobody has heard them.
      if (succeeded) {
        const verdict = good(dryRun ? 'DryRun' : 'Redriven', 'its Job is complete, and its pods have left no word');
        return { complete: verdict, failed: bad(verdict.reason, verdict.message) };
      }
      return failed('JobFailed', words ?? 'its Job failed, and its pods have left no word: see their logs');
    }
    default:
      return outcome satisfies never;
  }
}

function countsText(counts: RedriveCounts, dryRun: boolean): string {
  const { depth, redriven, superseded, copies, ends } = counts;
  const left = leftOf(counts);
  const text = `of ${depth} messages ${dryRun ? 'would be redriven' : 'redriven'} ${redriven}, superseded ${superseded}, further copies ${copies}, left ${left}`;
  if (ends === undefined) return text;
  return `${text}; of the redriven, succeeded ${ends.succeeded}, discarded ${ends.discarded}, dead again ${ends.deadAgain}, under way ${ends.underWay}`;
}

function leftOf({ depth, redriven, superseded, copies }: RedriveCounts): number {
  return Math.max(0, depth - redriven - superseded - copies);
}

function numbersOf({ counts, estimatedCostNanoUsd }: RedriveProgress): Partial<DeadLetterRedriveStatus> {
  const { depth, redriven, superseded, copies, withOpenIntents, ends } = counts;
  return {
    found: depth,
    redriven,
    superseded,
    copies,
    left: leftOf(counts),
    openIntents: withOpenIntents,
    ...ends,
    ...(estimatedCostNanoUsd === undefined ? {} : { estimatedCost: usdDecimal(estimatedCostNanoUsd) }),
  };
}

/** That the agent can be run, or why it cannot. */
export function agentVerdict(name: string, namespace: string, is: 'there' | 'missing' | 'not accepted'): Verdict {
  if (is === 'there') return good('Resolved', `EventAgent ${name} is there`);
  if (is === 'missing')
    return bad(
      'AgentMissing',
      `spec.agentRef: there is no EventAgent ${name} in namespace ${namespace}: create it, or make a redrive that names another`,
    );
  return bad('AgentNotAccepted', `EventAgent ${name} has no configuration that could be run: its condition Accepted says why`);
}

/** That nothing is known of a Job's pods. */
export const notHeard: Verdict = unknown('NotObserved', 'its pod is being started');
