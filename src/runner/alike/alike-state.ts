import type { DeadLetterReason, RetryReason } from '../../api/reasons.ts';

/** Failures of one kind in a row, over all replicas of an agent. Times are the store's, in milliseconds since the epoch. */
export interface AlikeState {
  /** The configuration that they were made with: another one begins anew. */
  readonly configuration: string;
  readonly fingerprint: string;
  readonly reason: DeadLetterReason;
  readonly error: string;
  /** Different events that failed so, without a success between; at most as many as it takes. */
  readonly events: readonly string[];
  /** The id of the last of them. */
  readonly example: string;
  /** Pauses so far. */
  readonly pauses: number;
  /** When the first pause began. */
  readonly since: number;
  /** Nothing is taken before. */
  readonly pausedUntil: number;
}

/** One event that was to become a dead letter. */
export interface AlikeFailure {
  readonly configuration: string;
  readonly fingerprint: string;
  readonly reason: DeadLetterReason;
  readonly error: string;
  /** Names the event's record. */
  readonly event: string;
  /** The event's own id. */
  readonly id: string;
}

/** No failure since the last success. */
export const NONE_ALIKE: AlikeState = {
  configuration: '',
  fingerprint: '',
  reason: 'TemplateError',
  error: '',
  events: [],
  example: '',
  pauses: 0,
  since: 0,
  pausedUntil: 0,
};

/** So many different events that fail in one way are no coincidence. */
const ALIKE = 5;

/** The first pause, and the longest: each further failure of the kind doubles it. */
const FIRST_MS = 5_000;
const LONGEST_MS = 300_000;

/**
 * Causes that lie with the agent, its provider's view of its requests, or its sinks: the next event fails by them as well. What lies with one event is none of them, nor is a call of
 * the model that failed or took too long: to try that again costs money each time.
 */
const NOT_THE_EVENTS: ReadonlySet<DeadLetterReason | RetryReason> = new Set([
  'TemplateError',
  'ModelBadRequest',
  'OutputRejected',
  'OutputForbidden',
  'OutputUnreachable',
  'OutputBusy',
  'OutputServerError',
  'OutputUnknown',
]);

/** Whether a failure may lie with the agent rather than with the event. `cause`: of one whose attempts are used up, why the last of them failed. */
export function mayBeTheAgents(cause: DeadLetterReason | RetryReason): boolean {
  return NOT_THE_EVENTS.has(cause);
}

/** Whether so many have failed alike that no further one is given up. */
export function isAlike({ events }: AlikeState): boolean {
  return events.length >= ALIKE;
}

/**
 * After one more event failed. Pure.
 *
 * | it failed                                           | then                                                                                  |
 * |-----------------------------------------------------|---------------------------------------------------------------------------------------|
 * | otherwise than those before, or with another configuration | the row begins with it                                                         |
 * | alike, and there are fewer than five                   | the row is longer                                                                      |
 * | alike, and there are five                               | a pause begins, twice as long as the one before; one that has begun goes on             |
 */
export function afterAlike(state: AlikeState, failure: AlikeFailure, now: number): AlikeState {
  const { event, id, ...kind } = failure;
  if (state.configuration !== failure.configuration || state.fingerprint !== failure.fingerprint)
    return { ...NONE_ALIKE, ...kind, events: [event], example: id };
  const events = isAlike(state) || state.events.includes(event) ? state.events : [...state.events, event];
  const next = { ...state, ...kind, events, example: id };
  if (!isAlike(next) || now < state.pausedUntil) return next;
  const pauseMs = Math.min(FIRST_MS * 2 ** state.pauses, LONGEST_MS);
  return { ...next, pauses: state.pauses + 1, since: state.pauses === 0 ? now : state.since, pausedUntil: now + pauseMs };
}

/** After a success; `undefined` where there was no failure before it. Pure. */
export function afterSuccess({ events }: AlikeState): AlikeState | undefined {
  return events.length === 0 ? undefined : NONE_ALIKE;
}

/** How many events a process with this configuration may take; `undefined`: as many as it likes. Pure. */
export function slotsFor(state: AlikeState, configuration: string, now: number): 0 | 1 | undefined {
  if (!isAlike(state) || state.configuration !== configuration) return undefined;
  return now < state.pausedUntil ? 0 : 1;
}
