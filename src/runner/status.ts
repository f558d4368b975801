import type { AlikeStatus, RunnerStatus } from '../api/runner-status.ts';
import type { AlikeState } from './alike/alike-state.ts';
import type { RunnerState } from './main.ts';

/** What a runner tells of what keeps it from buying. Pure. */
export function runnerStatus({ breaker, costTodayNanoUsd, budget, alike }: RunnerState): RunnerStatus {
  const { last, since, openUntil } = breaker;
  return {
    ...(last === undefined
      ? {}
      : { trouble: { reason: last.reason, error: last.error, since: Math.round(since), nextTryAt: Math.round(openUntil) } }),
    ...(costTodayNanoUsd === undefined ? {} : { costTodayNanoUsd: Math.round(costTodayNanoUsd) }),
    ...(budget === undefined
      ? {}
      : {
          budget: {
            dayNanoUsd: Math.round(budget.booked.day.nanoUsd),
            monthNanoUsd: Math.round(budget.booked.month.nanoUsd),
            ...(budget.closed === undefined ? {} : { closed: { period: budget.closed.period, until: Math.round(budget.closed.until) } }),
          },
        }),
    ...(alike === undefined ? {} : { alike: alikeStatus(alike) }),
  };
}

function alikeStatus({ fingerprint, reason, error, example, since, pausedUntil }: AlikeState): AlikeStatus {
  return { fingerprint, reason, error, example, since: Math.round(since), nextTryAt: Math.round(pausedUntil) };
}
