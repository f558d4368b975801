import { usdText } from '../../api/prices.ts';
import type { OverBudget } from './budget.ts';
import type { PeriodFigures, Range, RunFigures } from './figures.ts';

/** One event, and what it costs an agent. */
export type EventEstimate =
  | ({
      readonly event: string;
      readonly outcome: 'run';
      /** Where only an upper bound of the input is known, which its agent's budget has no room for. */
      readonly mayBeDeadLetter?: { readonly reason: string; readonly error: string };
    } & RunFigures)
  | { readonly event: string; readonly outcome: 'filtered' }
  | { readonly event: string; readonly outcome: 'dead-letter'; readonly reason: string; readonly error: string };

/** Where events come from, and what they cost together. */
export interface StreamEstimate {
  /** Of the given events, or of an AgentSchedule. */
  readonly from: 'events' | 'schedule';
  /** Of the schedule: its name, cron expression and time zone. */
  readonly schedule?: { readonly name: string; readonly cron: string; readonly timeZone: string; readonly suspended: boolean };
  /** In 365 days; missing where nobody has said it. */
  readonly runsPerYear?: number;
  readonly events: readonly EventEstimate[];
  /** Missing where nothing runs, or it is not known how often or at which price. */
  readonly period?: PeriodFigures;
}

/** What an agent costs. */
export interface AgentEstimate {
  /** `namespace/name`. */
  readonly agent: string;
  /** `file:line`. */
  readonly place: string;
  readonly model: string;
  readonly maxTokens: number;
  /** The runs that the lower end of the output is the mean of. */
  readonly receipts?: { readonly count: number; readonly tokens: number } | 'none-of-it';
  readonly streams: readonly StreamEstimate[];
  /** Of its streams whose cost is known, where there are several. */
  readonly total?: PeriodFigures;
  /** What a day or a month of all its streams is more than its budget; missing where none is. */
  readonly overBudget?: readonly OverBudget[];
}

/** Everything that `estimate` says. Amounts are whole nano-USD. */
export interface Estimate {
  readonly agents: readonly AgentEstimate[];
  /** Of all agents whose cost is known, where there are several. */
  readonly total?: PeriodFigures;
}

/** An estimate as people read it, a line each. */
export function reportOf({ agents, total }: Estimate): readonly string[] {
  const atMost = agents.some((agent) => agent.streams.some(({ events }) => events.some(isAtMost)));
  const unpriced = agents.filter((agent) => agent.streams.some(({ events }) => events.some(isUnpriced)));
  return [
    ...agents.flatMap((agent) => [...agentLines(agent), '']),
    ...(total === undefined ? [] : [`all together: ${periodText(total)}`, '']),
    'One model call a run, at list prices: what is bought again after a failed call comes on top.',
    ...(atMost
      ? [
          '"at most" takes each byte of a request as a token, which is several times what is billed; with an API key the provider counts, at no cost.',
        ]
      : []),
    ...new Set(unpriced.map(({ model }) => `There is no known price of ${model}: its cost is unknown, not zero.`)),
  ];
}

function agentLines(agent: AgentEstimate): readonly string[] {
  const { streams, total, overBudget = [] } = agent;
  return [
    `EventAgent ${agent.agent} (${agent.place}): ${agent.model}, maxTokens ${agent.maxTokens}${receiptsText(agent)}`,
    ...(streams.length === 0 ? ['    no event to estimate with: give one to --events'] : streams.flatMap(streamLines)),
    ...(total === undefined ? [] : [`  its runs together: ${periodText(total)}`]),
    ...overBudget.map(overBudgetText),
  ];
}

function overBudgetText({ limit, unit, estimate, budget, isCertain }: OverBudget): string {
  const period = limit === 'perDay' ? 'day' : 'month';
  const textOf = (amount: number) => (unit === 'tokens' ? `${amount} tokens` : usdText(amount));
  const much = rangeText(estimate, (amount) => (unit === 'tokens' ? String(amount) : usdText(amount)));
  const above = isCertain ? 'is above' : 'can be above';
  return `  spec.budget.${limit}: ${much}${unit === 'tokens' ? ' tokens' : ''} a ${period} ${above} its ${textOf(budget)}: events then wait for the next ${period}`;
}

function receiptsText({ receipts }: AgentEstimate): string {
  if (receipts === undefined) return '';
  if (receipts === 'none-of-it') return '; there is no receipt of it';
  return `; ${receipts.tokens} output tokens a run (mean of ${receipts.count} receipt${plural(receipts.count)})`;
}

function streamLines({ schedule, events, period, runsPerYear }: StreamEstimate): readonly string[] {
  const runs = events.filter(({ outcome }) => outcome === 'run');
  const suspended = schedule?.suspended === true ? '; suspended: nothing runs now' : '';
  return [
    ...(schedule === undefined ? [] : [`  AgentSchedule ${schedule.name}: ${schedule.cron} in ${schedule.timeZone}${suspended}`]),
    ...events.flatMap(eventLines),
    ...(runs.length === 0 ? ['    no run, no cost'] : []),
    ...(period === undefined ? [] : [`    ${periodText(period)}`]),
    ...(runs.length > 0 && runsPerYear === undefined ? ['    --per-month N says how many runs a month there are'] : []),
  ];
}

function eventLines(event: EventEstimate): readonly string[] {
  const head = `    ${event.event}`;
  switch (event.outcome) {
    case 'filtered':
      return [`${head}: filtered out, costs nothing`];
    case 'dead-letter':
      return [`${head}: becomes a dead letter, costs nothing: ${event.reason}: ${event.error}`];
    case 'run': {
      const { inputTokens, input, outputTokens, mayBeDeadLetter } = event;
      const counted = input === 'counted' ? `${inputTokens} in (counted by the provider)` : `at most ${inputTokens} in`;
      return [
        `${head}: ${counted}, ${rangeText(outputTokens, String)} out`,
        ...formulaLines(event),
        ...(mayBeDeadLetter === undefined ? [] : [`      may become a dead letter: ${mayBeDeadLetter.reason}: ${mayBeDeadLetter.error}`]),
      ];
    }
  }
}

/** The sum with its numbers, for both ends of the output. */
function formulaLines({ inputTokens, input, outputTokens, ratesNanoUsd: rates, costNanoUsd }: RunFigures): readonly string[] {
  if (rates === undefined || costNanoUsd === undefined) return [];
  const words = input === 'counted' ? '' : 'at most ';
  const line = (output: number, cost: number) =>
    `      ${inputTokens} × ${rateText(rates.input)} + ${output} × ${rateText(rates.output)} = ${words}${usdText(cost)}`;
  return [...new Set([line(outputTokens.from, costNanoUsd.from), line(outputTokens.to, costNanoUsd.to)])];
}

function periodText({ runsPerYear, input, monthNanoUsd, dayNanoUsd }: PeriodFigures): string {
  const runs = Math.round((runsPerYear / 12) * 10) / 10;
  const words = input === 'counted' ? '' : 'at most ';
  return `${runs} run${plural(runs)} a month (${runsPerYear} a year): ${words}${rangeText(monthNanoUsd, usdText)} a month, ${words}${rangeText(dayNanoUsd, usdText)} a day`;
}

function rangeText({ from, to }: Range, textOf: (value: number) => string): string {
  return from === to ? textOf(to) : `${textOf(from)} to ${textOf(to)}`;
}

/** Nano-USD a token are thousandths of a dollar a million. */
function rateText(nanoUsd: number): string {
  return `$${nanoUsd / 1000}/million`;
}

function isAtMost(event: EventEstimate): boolean {
  return event.outcome === 'run' && event.input === 'at-most';
}

function isUnpriced(event: EventEstimate): boolean {
  return event.outcome === 'run' && event.ratesNanoUsd === undefined;
}

function plural(count: number): string {
  return count === 1 ? '' : 's';
}
