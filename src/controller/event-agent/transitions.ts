import type { EventAgentStatus } from '../../api/generated/event-agent.ts';
import type { Operator } from '../operator.ts';
import type { StoredEventAgent } from './resource.ts';

/** Conditions whose changes are told as events. */
const TOLD = ['Ready', 'ModelAvailable', 'BudgetExceeded', 'FailingAlike', 'DeadLettersPresent', 'WideFanOut', 'Suspended'] as const;

/** What somebody is called for; that it is over is told as well, and what is not known is no news. */
const ALARMS: Readonly<Partial<Record<(typeof TOLD)[number], string>>> = {
  ModelAvailable: 'False',
  BudgetExceeded: 'True',
  FailingAlike: 'True',
  DeadLettersPresent: 'True',
  WideFanOut: 'True',
};

/** Reasons for not being ready that pass by themselves. */
const UNDER_WAY: ReadonlySet<string> = new Set(['Declaring', 'RollingOut', 'NotObserved']);

/** Tells as events what has become otherwise in the status, and nothing else. */
export function announce(
  { events }: Pick<Operator, 'events'>,
  agent: StoredEventAgent,
  before: EventAgentStatus | undefined,
  now: EventAgentStatus,
): void {
  for (const type of TOLD) {
    const was = before?.conditions?.find((condition) => condition.type === type);
    const is = now.conditions?.find((condition) => condition.type === type);
    if (is === undefined || (was?.status === is.status && was.reason === is.reason)) continue;
    const alarm = ALARMS[type];
    // What was never otherwise is no news.
    if (alarm !== undefined && is.status !== alarm && (was?.status !== alarm || is.status === 'Unknown')) continue;
    if (type === 'Suspended' && was === undefined && is.status !== 'True') continue;
    const isGood = alarm === undefined ? type === 'Suspended' || is.status === 'True' || UNDER_WAY.has(is.reason) : is.status !== alarm;
    events.record(agent, { type: isGood ? 'Normal' : 'Warning', reason: is.reason, note: is.message, action: 'Reconcile' });
  }
}

/** Tells what somebody had changed or taken away, and is as it should be again. */
export function announceRepaired({ events }: Pick<Operator, 'events'>, agent: StoredEventAgent, repaired: readonly string[]): void {
  if (repaired.length === 0) return;
  const note = `changed by somebody else, and mended: ${repaired.join('; ')}`;
  events.record(agent, { type: 'Warning', reason: 'DriftRepaired', note, action: 'Repair' });
}

/** Tells what nobody needs any more, and is gone. */
export function announceRetired({ events }: Pick<Operator, 'events'>, agent: StoredEventAgent, retired: readonly string[]): void {
  if (retired.length === 0) return;
  events.record(agent, { type: 'Normal', reason: 'TierRetired', note: `no longer needed: ${retired.join('; ')}`, action: 'Retire' });
}
