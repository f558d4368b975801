import { type TickOutcome, tickOutcomes } from '../../api/tick-outcomes.ts';
import { slotOf } from '../../schedule/slot.ts';
import type { CachedPod } from '../operator.ts';
import { byAge } from '../pods/by-age.ts';
import type { CachedJob } from './resource.ts';

/** One Job of a schedule, read. */
export interface Run {
  readonly job: string;
  /** The time it was for, in milliseconds; missing where somebody started it by hand. */
  readonly slot: number | undefined;
  /** When the Job was made, in milliseconds; missing where nobody has said so. */
  readonly createdAt?: number;
  /** How it ended; missing while it has not. */
  readonly end?: RunEnd;
}

/** How a run ended. */
export interface RunEnd {
  /** What the tick said; where it said nothing, what Kubernetes did to the Job. */
  readonly outcome: TickOutcome | 'deadline' | 'failed';
  readonly reason?: string;
  /** In words, where there are some. */
  readonly message?: string;
  /** RFC 3339. */
  readonly finishedAt: string;
}

/** Reads the Jobs of a schedule with what their pods said; the latest first. */
export function runsOf(jobs: readonly CachedJob[], pods: readonly CachedPod[], cronJob: string): readonly Run[] {
  return jobs
    .map((job) => {
      const { name, creationTimestamp } = job.metadata;
      const createdAt = creationTimestamp === undefined ? undefined : Date.parse(creationTimestamp);
      const end = endOf(job, pods);
      return {
        job: name,
        // A Job may be kept for years: its name is held against the time when it was made.
        slot: slotOf(name, cronJob, createdAt ?? 0),
        ...(createdAt === undefined ? {} : { createdAt }),
        ...(end === undefined ? {} : { end }),
      };
    })
    .toSorted((a, b) => (b.slot ?? 0) - (a.slot ?? 0));
}

/** The condition by which a Job says that it is over. */
export function endConditionOf({ status }: CachedJob) {
  return status?.conditions?.find(({ type, status: value }) => (type === 'Complete' || type === 'Failed') && value === 'True');
}

function endOf(job: CachedJob, pods: readonly CachedPod[]): RunEnd | undefined {
  const { metadata, status } = job;
  const over = endConditionOf(job);
  if (over === undefined) return undefined;
  const finishedAt = status?.completionTime ?? over.lastTransitionTime ?? metadata.creationTimestamp ?? '';
  const said = pods
    .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
    .toSorted(byAge)
    .flatMap((pod) => saidBy(pod) ?? [])
    // What an earlier pod could not do is not how a Job that is complete has ended.
    .findLast(({ outcome }) => over.type === 'Failed' || endsWell(outcome));
  if (said !== undefined) return { ...said, finishedAt };
  if (over.type === 'Complete') return { outcome: 'done', finishedAt };
  const message = over.message === undefined ? {} : { message: over.message };
  if (over.reason === 'DeadlineExceeded') return { outcome: 'deadline', reason: 'DeadlineExceeded', ...message, finishedAt };
  return { outcome: 'failed', ...(over.reason === undefined ? {} : { reason: over.reason }), ...message, finishedAt };
}

function endsWell(outcome: RunEnd['outcome']): boolean {
  return outcome !== 'failed' && outcome !== 'deadline' && tickOutcomes[outcome].exitCode === 0;
}

/** The line of JSON that a tick leaves at its end. */
function saidBy({ status }: CachedPod): Pick<RunEnd, 'outcome' | 'reason' | 'message'> | undefined {
  const text = status?.containerStatuses?.[0]?.state?.terminated?.message;
  if (text === undefined) return undefined;
  try {
    const { outcome, reason, message } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const rest = {
      ...(typeof reason === 'string' && reason !== '' ? { reason } : {}),
      ...(typeof message === 'string' && message !== '' ? { message } : {}),
    };
    if (typeof outcome === 'string' && Object.hasOwn(tickOutcomes, outcome)) return { outcome: outcome as TickOutcome, ...rest };
    // A process that could not go on has a reason and no outcome.
    return typeof reason === 'string' ? { outcome: 'failed', ...rest } : undefined;
  } catch {
    return undefined;
  }
}
