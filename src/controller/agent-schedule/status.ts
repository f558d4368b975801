import { type AgentScheduleCondition, conditionReasons } from '../../api/conditions.ts';
import type { AgentScheduleStatus } from '../../api/generated/agent-schedule.ts';
import { conditionFor } from '../event-agent/status.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';
import type { Count } from './missed.ts';
import type { Run, RunEnd } from './runs.ts';

/** What the status of a schedule is made of. */
export interface ScheduleStatusParts {
  readonly generation: number;
  readonly verdicts: Readonly<Record<'Accepted' | 'AgentResolved' | 'CronJobReady', Verdict>>;
  readonly suspended: boolean;
  readonly cronJob: string;
  /** RFC 3339. */
  readonly lastScheduleTime: string | undefined;
  readonly runs: readonly Run[];
  readonly count: Count;
  /** When the next run begins, in milliseconds; `undefined` while none can. */
  readonly nextAt: number | undefined;
}

/** The status of a schedule, given the one before. `now` as RFC 3339. Pure. */
export function scheduleStatusFor(parts: ScheduleStatusParts, before: AgentScheduleStatus | undefined, now: string): AgentScheduleStatus {
  const { generation, verdicts, suspended, cronJob, lastScheduleTime, runs, count, nextAt } = parts;
  // Jobs are kept for a while only, and the failed ones for longer than the others; what the last one said is kept here.
  const ended = lastEnded(runs, before?.lastRun?.finishedAt ?? '');
  const lastRun = ended?.end === undefined ? before?.lastRun : lastRunOf(ended.slot, ended.end);
  const all: Readonly<Record<AgentScheduleCondition, Verdict>> = {
    ...verdicts,
    Ready: readyVerdict(verdicts),
    Suspended: suspended ? good('Suspended', 'spec.suspend is true: no run begins') : bad('NotSuspended', 'spec.suspend is false'),
    LastRunSucceeded: lastRunVerdict(lastRun, ended?.end?.message),
    MissedRuns: missedVerdict(count, before),
  };
  return {
    observedGeneration: generation,
    conditions: Object.entries(all).map(([type, verdict]) => conditionFor(type, verdict, generation, before?.conditions, now)),
    cronJob,
    ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
    ...(lastRun === undefined ? {} : { lastRun }),
    ...(nextAt === undefined || suspended ? {} : { nextScheduleTime: timeText(nextAt) }),
    missedRuns: count.missed,
    countedThrough: timeText(count.through),
  };
}

/** The run that ended last, and not before this time; one that a tick did not begin is none. */
function lastEnded(runs: readonly Run[], earliest: string): Run | undefined {
  const ended = runs.filter(({ end }) => end !== undefined && end.outcome !== 'skipped' && end.finishedAt >= earliest);
  return ended.toSorted((a, b) => ((a.end?.finishedAt ?? '') < (b.end?.finishedAt ?? '') ? 1 : -1))[0];
}

/** RFC 3339 in whole seconds. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

function lastRunOf(slot: number | undefined, { outcome, reason, finishedAt }: RunEnd): NonNullable<AgentScheduleStatus['lastRun']> {
  return { ...(slot === undefined ? {} : { slot: timeText(slot) }), outcome, ...(reason === undefined ? {} : { reason }), finishedAt };
}

function readyVerdict(verdicts: ScheduleStatusParts['verdicts']): Verdict {
  const wrong = Object.entries(verdicts).find(([, { status }]) => status !== 'True');
  if (wrong === undefined) return good('Ready', 'everything is as it should be');
  const [part, verdict] = wrong;
  return { ...verdict, message: `${part}: ${verdict.message}` };
}

function lastRunVerdict(lastRun: AgentScheduleStatus['lastRun'], message: string | undefined): Verdict {
  if (lastRun === undefined) return unknown('NoRunYet', 'no run has ended yet');
  const { outcome, reason, finishedAt, slot } = lastRun;
  const which = `the run ${slot === undefined ? 'that was started by hand' : `of ${slot}`} ended at ${finishedAt} as ${outcome}`;
  const why = [reason, message].filter((part) => part !== undefined).join(': ');
  const text = why === '' ? which : `${which}: ${why}`;
  switch (outcome) {
    case 'done':
    case 'filtered':
    case 'stale':
      return good('RunSucceeded', text);
    case 'expired':
      return bad('RunExpired', text);
    case 'deadline':
      return bad('RunDeadlineExceeded', `${text}: its event may still be run`);
    default:
      return bad(reason !== undefined && Object.hasOwn(conditionReasons, reason) ? (reason as Verdict['reason']) : 'RunFailed', text);
  }
}

/** Only the last run that was due counts: a miss of last week is in the number alone. */
function missedVerdict({ missed, last }: Count, before: AgentScheduleStatus | undefined): Verdict {
  const total = missed === 0 ? 'no run was missed so far' : `${missed} runs were missed so far`;
  switch (last) {
    case 'begun':
      return bad('NoneMissed', `the last run that was due has begun; ${total}`);
    case 'skipped':
      return good('PreviousRunUnfinished', `the last run that was due was not begun, since the one before was still under way; ${total}`);
    case 'not-started':
      return good('StartMissed', `no job was started in time for the last run that was due; ${total}`);
    case undefined: {
      // Nothing was due since: what was said stands.
      const known = before?.conditions?.find(({ type }) => type === 'MissedRuns');
      if (known?.status === 'True') return good(known.reason as Verdict['reason'], known.message);
      return bad('NoneMissed', total);
    }
    default:
      return last satisfies never;
  }
}
