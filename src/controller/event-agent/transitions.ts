import type { EventAgentStatus } from '../../api/generated/event-agent.ts';
import type { Operator } from '../operator.ts';
import type { StoredEventAgent } from './resource.ts';

/** Conditions whose changes are told as events. */
const TOLD = ['Ready', 'DeadLettersPresent', 'Suspended'] as const;

/** Reasons for not being ready that pass by themselves. */
const UNDER_WAY: ReadonlySet<string> = new Set(['Declaring', 'RollingOut', 'NotObserved']);

/** What was done beside changing the status. */
export interface Done {
  /** What somebody had changed or taken away, and is as it should be again. */
  readonly repaired: readonly string[];
  /** What nobody needs any more, and is gone. */
  readonly retired: readonly string[];
}

/** Tells as events what has become otherwise, and nothing else. */
export function announce(
  { events }: Pick<Operator, 'events'>,
  agent: StoredEventAgent,
  before: EventAgentStatus | undefined,
  now: EventAgentStatus,
  { repaired, retired }: Done,
): void {
  for (const type of TOLD) {
    const was = before?.conditions?.find((condition) => condition.type === type);
    const is = now.conditions?.find((condition) => condition.type === type);
    if (is === undefined || (was?.status === is.status && was.reason === is.reason)) continue;
    // What was never otherwise is no news.
    if (was === undefined && type !== 'Ready' && is.status !== 'True') continue;
    if (type === 'DeadLettersPresent' && (is.status === 'Unknown' || (is.status === 'False' && was?.status !== 'True'))) continue;
    const isGood = type === 'Ready' ? is.status === 'True' || UNDER_WAY.has(is.reason) : type === 'Suspended' || is.status === 'False';
    events.record(agent, { type: isGood ? 'Normal' : 'Warning', reason: is.reason, note: is.message, action: 'Reconcile' });
  }
  if (repaired.length > 0)
    events.record(agent, {
      type: 'Warning',
      reason: 'DriftRepaired',
      note: `changed by somebody else, and mended: ${repaired.join('; ')}`,
      action: 'Repair',
    });
  if (retired.length > 0)
    events.record(agent, { type: 'Normal', reason: 'TierRetired', note: `no longer needed: ${retired.join('; ')}`, action: 'Retire' });
}
