import type { Budget, BudgetLimit } from '../api/configuration.ts';
import type { BudgetLimitSpec, BudgetSpec, EventAgent } from '../api/generated/event-agent.ts';
import { isPriced } from '../api/prices.ts';
import { timeZone } from '../schedule/time-zone.ts';
import type { Problem } from './compile.ts';

/** What a runner may spend. */
export function budgetFor({ perEvent, perDay, perMonth, timeZone }: BudgetSpec): Budget {
  return {
    ...(perEvent === undefined ? {} : { perEvent: limitFor(perEvent) }),
    ...(perDay === undefined ? {} : { perDay: limitFor(perDay) }),
    ...(perMonth === undefined ? {} : { perMonth: limitFor(perMonth) }),
    timeZone,
  };
}

function limitFor({ usd, tokens }: BudgetLimitSpec): BudgetLimit {
  return { ...(usd === undefined ? {} : { nanoUsd: nanoUsdOf(usd) }), ...(tokens === undefined ? {} : { tokens }) };
}

/** The number that a decimal of US dollars stands for, in nano-USD: digits only, so that nothing is rounded. */
function nanoUsdOf(usd: string): number {
  const [whole = '0', fraction = ''] = usd.split('.');
  return Number(whole) * 1_000_000_000 + Number(fraction.padEnd(9, '0'));
}

/** What is wrong with a budget beyond its schema. */
export function budgetProblems({ spec }: EventAgent): readonly Problem[] {
  const { budget } = spec;
  if (budget === undefined) return [];
  const limits = (['perEvent', 'perDay', 'perMonth'] as const).flatMap((name) => {
    const { usd } = budget[name] ?? {};
    return usd === undefined ? [] : [{ path: `spec.budget.${name}.usd`, usd }];
  });
  return [
    ...(timeZone(budget.timeZone) === undefined
      ? [{ path: 'spec.budget.timeZone', message: `${JSON.stringify(budget.timeZone)} is no IANA time zone: write one like Europe/Berlin` }]
      : []),
    ...limits
      .filter(({ usd }) => nanoUsdOf(usd) === 0)
      .map(({ path }) => ({ path, message: 'nothing could ever run: give more than 0, or set spec.suspend' })),
    ...(limits.length > 0 && !isPriced(spec.agent.model)
      ? limits.slice(0, 1).map(({ path }) => ({
          path,
          reason: 'PriceUnknown' as const,
          message: `no price is known for ${spec.agent.model}, so that US dollars cannot be counted: limit tokens instead, or use a model with a price`,
        }))
      : []),
  ];
}
