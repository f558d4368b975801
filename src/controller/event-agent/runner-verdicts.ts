import type { ConditionReason } from '../../api/conditions.ts';
import { conditionReasons } from '../../api/conditions.ts';
import { parseRunnerStatus, type RunnerStatus } from '../../api/runner-status.ts';
import { isPodReady } from '../../kube/pod-trouble.ts';
import { InputError } from '../../lib/errors.ts';
import type { CachedPod } from '../operator.ts';
import { askPod } from '../pods/ask.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';

/** More pods are not asked: all know the same. */
const MOST_ASKED = 2;

/** What the runners of an agent say of the provider and the budget; `undefined` where none is ready, or none can be asked. */
export async function askRunners(pods: readonly CachedPod[], signal: AbortSignal): Promise<RunnerStatus | undefined> {
  for (const pod of pods.filter(isPodReady).slice(0, MOST_ASKED)) {
    const answer = await askPod(pod, '/status', signal);
    if (answer?.ok !== true) continue;
    try {
      return parseRunnerStatus(answer.text);
    } catch (error) {
      // A pod of another version: what it says is not for us.
      if (!(error instanceof InputError)) throw error;
    }
  }
  signal.throwIfAborted();
  return undefined;
}

/** The condition `ModelAvailable`. */
export function modelVerdict(status: RunnerStatus | undefined): Verdict {
  if (status === undefined) return unknown('NotObserved', NOBODY);
  const { trouble } = status;
  if (trouble === undefined) return good('ModelAnswers', 'calls of the model are made');
  const next = `events wait; the next call is tried at ${timeText(trouble.nextTryAt)}`;
  return bad(isReason(trouble.reason) ? trouble.reason : 'Unreachable', `${trouble.error} (since ${timeText(trouble.since)}; ${next})`);
}

/** The condition `BudgetExceeded`. */
export function budgetVerdict(hasBudget: boolean, status: RunnerStatus | undefined): Verdict {
  if (!hasBudget) return bad('NoBudget', 'spec.budget is not set');
  if (status?.budget === undefined) return unknown('NotObserved', NOBODY);
  const { closed } = status.budget;
  return closed === undefined
    ? bad('WithinBudget', 'there is money for the next call')
    : good(
        'BudgetSpent',
        `the budget of the ${closed.period} is spent: events wait until ${timeText(closed.until)}, or until spec.budget is raised`,
      );
}

/** The condition `FailingAlike`. */
export function alikeVerdict(status: RunnerStatus | undefined): Verdict {
  if (status === undefined) return unknown('NotObserved', NOBODY);
  const { alike } = status;
  if (alike === undefined) return bad('NoSameFailure', 'events do not fail alike');
  const { reason, error, fingerprint, example, since, nextTryAt } = alike;
  return good(
    'SameFailure',
    `${reason}: ${error} (fingerprint ${fingerprint}, for example event ${example}; since ${timeText(since)}); none is given up for it, the next one is tried at ${timeText(nextTryAt)}`,
  );
}

const NOBODY = 'no runner pod that is ready could be asked';

function isReason(reason: string): reason is ConditionReason {
  return Object.hasOwn(conditionReasons, reason);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
