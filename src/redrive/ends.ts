import type { EventRecord } from '../api/record.ts';
import type { RedriveEnds } from '../api/redrive-progress.ts';

/** A redriven event that is looked after: the key of its record, and the generation that was published. */
export interface Followed {
  readonly event: string;
  readonly gen: number;
}

/** How a redriven event has ended. */
export type End = Exclude<keyof RedriveEnds, 'underWay' | 'notFollowed'>;

/** What is known of redriven events: those under way, how many have ended how, and whether the last of them died again, the newest last. */
export interface FollowState {
  readonly underWay: readonly Followed[];
  readonly ended: Readonly<Record<End, number>>;
  readonly recent: readonly boolean[];
  /** How many were published that nobody can look after. */
  readonly notFollowed: number;
}

/** Of so many events that ended last the rate of failures is taken, and of no fewer than the other number. */
export const RATE_WINDOW = { most: 20, least: 10 };

/** Nothing redriven yet. */
export const NOTHING_FOLLOWED: FollowState = {
  underWay: [],
  ended: { succeeded: 0, discarded: 0, deadAgain: 0 },
  recent: [],
  notFollowed: 0,
};

/** How generation `gen` of an event has ended, by its record; `undefined` while it has not. A higher generation was redriven, so this one had died. */
export function endOf(record: EventRecord | undefined, gen: number): End | undefined {
  if (record === undefined || record.gen < gen) return undefined;
  if (record.gen > gen || record.phase === 'dead') return 'deadAgain';
  if (record.phase !== 'done') return undefined;
  return record.result === undefined || record.result.outcome === 'done' ? 'succeeded' : 'discarded';
}

/** The state after an event has ended. */
export function afterEnd(state: FollowState, { event, gen }: Followed, end: End): FollowState {
  return {
    ...state,
    underWay: state.underWay.filter((other) => other.event !== event || other.gen !== gen),
    ended: { ...state.ended, [end]: state.ended[end] + 1 },
    recent: [...state.recent, end === 'deadAgain'].slice(-RATE_WINDOW.most),
  };
}

/** How many of a hundred of the last ended events died again; `undefined` while too few have ended. */
export function failurePercent({ recent }: FollowState): number | undefined {
  return recent.length < RATE_WINDOW.least ? undefined : (100 * recent.filter(Boolean).length) / recent.length;
}

/** The state in numbers. */
export function endsOf({ underWay, ended, notFollowed }: FollowState): RedriveEnds {
  return { ...ended, underWay: underWay.length, ...(notFollowed === 0 ? {} : { notFollowed }) };
}
