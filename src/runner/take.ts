import { type Decision, type EventName, type EventRecord, expiredRecord } from '../api/record.ts';
import type { StoredRecord } from '../store/port.ts';

/** The sixth start of an event whose earlier runs all did not come to an end is not made. */
export const MAX_STARTS = 5;

/** What to do with a delivery, by what the record says. */
export type TakeDecision =
  /** The event is past this copy: acknowledge it. */
  | { readonly do: 'drop' }
  /** Somebody is at it: look again later. */
  | { readonly do: 'wait' }
  /** Only the settling publish is missing. */
  | { readonly do: 'repeat'; readonly decision: Decision; readonly next: EventRecord }
  /** Its time was over before anybody took it: record that. */
  | { readonly do: 'expire'; readonly next: EventRecord }
  /** Run it. `alone`: the run before did not come to an end; it may have taken its process with it. */
  | { readonly do: 'run'; readonly next: EventRecord; readonly alone: boolean };

/** The copy of an event that was delivered. */
export interface Copy {
  readonly gen: number;
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/**
 * The table of taking a delivery: the first row that matches decides. `fence` becomes the new taker's name, `now` is the store's time.
 *
 * | the record                                                                     | then                          |
 * |--------------------------------------------------------------------------------|-------------------------------|
 * | of a higher gen; or of this gen and `done`, `dead` or of a higher attempt        | drop: superseded              |
 * | `running` or `decided` with a live lease                                         | wait                          |
 * | same gen and attempt, `decided`                                                  | repeat the settling publish   |
 * | absent, its expiry is past, and the copy is the first (gen 0, attempt 1: no run was ever begun) | expire        |
 * | absent; same and `parked` or `running`; of a lower attempt or gen (the copy in hand proves that the publish before it happened) | run |
 */
export function takeDecision(stored: StoredRecord | undefined, copy: Copy, event: EventName, fence: string, now: number): TakeDecision {
  if (stored === undefined) {
    if (copy.gen === 0 && copy.attempt === 1 && copy.expiresAt !== undefined && copy.expiresAt <= now)
      return { do: 'expire', next: expiredRecord(event, fence, now) };
    const begun = { phase: 'running' as const, fence, starts: 1, event, startedAt: now, outputs: {} };
    const next = { gen: copy.gen, attempt: copy.attempt, ...begun };
    return { do: 'run', alone: false, next };
  }
  const { record } = stored;
  const sameGen = record.gen === copy.gen;
  if (record.gen > copy.gen) return { do: 'drop' };
  if (sameGen && (record.phase === 'done' || record.phase === 'dead' || record.attempt > copy.attempt)) return { do: 'drop' };
  if ((record.phase === 'running' || record.phase === 'decided') && stored.leaseUntil > now) return { do: 'wait' };
  if (sameGen && record.attempt === copy.attempt && record.phase === 'decided' && record.decision !== undefined) {
    return { do: 'repeat', decision: record.decision, next: { ...record, fence } };
  }
  const starts = sameGen && record.attempt === copy.attempt && record.phase === 'running' ? record.starts + 1 : 1;
  const { decision: _settled, result: _ended, ...kept } = record;
  return {
    do: 'run',
    alone: starts > 1,
    next: {
      ...kept,
      gen: copy.gen,
      attempt: copy.attempt,
      phase: 'running',
      fence,
      starts,
      outputs: sameGen ? record.outputs : doneOutputs(record),
      ...(sameGen || record.spent === undefined ? {} : { spentBefore: record.spent }),
    },
  };
}

/** What a redriven event keeps of its outputs: those that were taken; an open intent is sent anew. */
function doneOutputs(record: EventRecord): EventRecord['outputs'] {
  return Object.fromEntries(Object.entries(record.outputs).filter(([, output]) => output.state === 'done'));
}
