import type { Budget, BudgetLimit } from '../../api/configuration.ts';
import { costNanoUsd, usdText } from '../../api/prices.ts';
import type { DeadLetterReason } from '../../api/reasons.ts';
import { type TokenUsage, tokensIn } from '../../api/tokens.ts';
import { usageBound } from '../../model/anthropic-request.ts';
import type { ModelRequest } from '../../model/port.ts';
import { type Amount, isAbove } from '../../runner/budget/ledger.ts';
import { countedUsage } from '../../runner/budget/token-counts.ts';
import { periodFigures, periodTokens, type Range, type RunFigures, sumOf, together } from './figures.ts';

/** That a budget has no room for a call, although nothing was spent of it. */
export interface NoRoom {
  /** Without the provider's count only an answer of `maxTokens` alone that is above the budget makes it certain. */
  readonly isCertain: boolean;
  readonly reason: DeadLetterReason;
  readonly error: string;
}

/** In the order in which a runner asks them. */
const LIMITS = [
  ['perEvent', 'EventBudgetSpent'],
  ['perDay', 'ExceedsBudget'],
  ['perMonth', 'ExceedsBudget'],
] as const satisfies readonly (readonly [keyof Budget, DeadLetterReason])[];

/** Whether a budget has no room for a call, as a runner decides it: by the bytes of the request, and where those are too many by the provider's count. */
export function noRoomFor(request: ModelRequest, { input, inputTokens }: RunFigures, budget: Budget): NoRoom | undefined {
  const byBytes = usageBound(request);
  const most = input === 'counted' ? countedUsage(byBytes, inputTokens) : byBytes;
  const amount = amountOf(request.model, most);
  const above = limitBelow(amount, budget);
  if (above === undefined) return undefined;
  const certain = input === 'counted' ? above : limitBelow(amountOf(request.model, countedUsage(byBytes, 0)), budget);
  const isCertain = certain !== undefined;
  const [name, reason] = certain ?? above;
  const [by, open] =
    input === 'counted' ? ['', ''] : [' by the bytes of its request', isCertain ? '' : '; what the provider counts decides'];
  const error = `the call can cost up to ${amountText(amount)}${by}, more than spec.budget.${name}: raise it, lower maxTokens or shorten the prompt${open}`;
  return { isCertain, reason, error };
}

/** A day or a month that comes to more than the budget has for it. */
export interface OverBudget {
  readonly limit: 'perDay' | 'perMonth';
  readonly unit: 'nanoUsd' | 'tokens';
  readonly estimate: Range;
  readonly budget: number;
  /** The least that is to be expected is above it, too. */
  readonly isCertain: boolean;
}

/** Runs of one kind, and how many there are in 365 days. */
export interface Runs {
  readonly runs: readonly RunFigures[];
  readonly runsPerYear: number;
}

/** What days and months of an agent come to more than its budget. */
export function overBudgets(all: readonly Runs[], budget: Budget): readonly OverBudget[] {
  const known = all.filter(({ runs }) => runs.length > 0);
  if (known.length === 0) return [];
  const counted = known.every(({ runs }) => runs.every(({ input }) => input === 'counted'));
  const money = known.map(({ runs, runsPerYear }) => periodFigures(runs, { runsPerYear }));
  const priced = money.flatMap((period) => period ?? []);
  const { dayNanoUsd, monthNanoUsd } = together(priced);
  const tokens = known.map(({ runs, runsPerYear }) => periodTokens(runs, { runsPerYear }));
  const judge = (limit: OverBudget['limit'], unit: OverBudget['unit'], estimate: Range): readonly OverBudget[] => {
    const most: number = (budget[limit] as BudgetLimit | undefined)?.[unit] ?? Number.POSITIVE_INFINITY;
    return estimate.to > most ? [{ limit, unit, estimate, budget: most, isCertain: counted && estimate.from > most }] : [];
  };
  return [
    ...judge('perDay', 'nanoUsd', dayNanoUsd),
    ...judge('perDay', 'tokens', sumOf(tokens.map(({ day }) => day))),
    ...judge('perMonth', 'nanoUsd', monthNanoUsd),
    ...judge('perMonth', 'tokens', sumOf(tokens.map(({ month }) => month))),
  ];
}

function limitBelow(amount: Amount, budget: Budget): (typeof LIMITS)[number] | undefined {
  return LIMITS.find(([name]) => isAbove(amount, budget[name]));
}

function amountOf(model: string, usage: TokenUsage): Amount {
  return { tokens: tokensIn(usage), nanoUsd: costNanoUsd(model, usage) ?? 0 };
}

function amountText({ nanoUsd, tokens }: Amount): string {
  return nanoUsd === 0 ? `${tokens} tokens` : `${usdText(nanoUsd)} (${tokens} tokens)`;
}
