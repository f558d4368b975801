import type { Budget, BudgetLimit } from '../../api/configuration.ts';
import type { Amount } from './ledger.ts';
import type { PeriodName } from './period.ts';

/** What is left of one limit; less than nothing where it was lowered below what is booked. */
export interface Remaining {
  readonly name: PeriodName;
  readonly unit: 'usd' | 'tokens';
  readonly left: number;
}

/** What is left of the limits of the periods, by what is booked. In US dollars or tokens. */
export function remaining(
  { perDay, perMonth }: Budget,
  { booked }: { readonly booked: Readonly<Record<PeriodName, Amount>> },
): readonly Remaining[] {
  const of = (name: PeriodName, { nanoUsd, tokens }: BudgetLimit = {}): readonly Remaining[] => [
    ...(nanoUsd === undefined ? [] : [{ name, unit: 'usd' as const, left: (nanoUsd - booked[name].nanoUsd) / 1e9 }]),
    ...(tokens === undefined ? [] : [{ name, unit: 'tokens' as const, left: tokens - booked[name].tokens }]),
  ];
  return [...of('day', perDay), ...of('month', perMonth)];
}
