import type { HandBackReason } from '../../api/reasons.ts';

/** How a model provider fares, as all agents of a namespace know that call the same model by the same key. Times are the store's, in milliseconds since the epoch. */
export interface BreakerState {
  /** Counts the failures so far: what began before the last one says nothing of how it is now. */
  readonly era: number;
  /** Failures since the last success; 0: calls are made. */
  readonly failures: number;
  /** The last failure, while there is one. */
  readonly last?: ProviderFailure;
  /** When the first failure since the last success was. */
  readonly since: number;
  /** No call is made before. */
  readonly openUntil: number;
  /** Who makes the one call that tries whether the provider is back, and until when that is waited for. */
  readonly probe?: { readonly by: string; readonly until: number };
}

/** Why a call failed in a way that another event's would have, too. */
export interface ProviderFailure {
  readonly reason: HandBackReason;
  readonly error: string;
}

/** A breaker that has never failed. */
export const CLOSED: BreakerState = { era: 0, failures: 0, since: 0, openUntil: 0 };

/** The first pause, and the longest: each failure in a row doubles it. */
const FIRST_MS = 5_000;
const LONGEST_MS = 300_000;
/** What a provider asks for is kept up to this; a longer wait is looked at again by then. */
const LONGEST_ASKED_MS = 3_600_000;
/** How long a probe is waited for: a call that is silent for 90 s is given up by then. */
const PROBE_MS = 120_000;

/** After a failure of a call that began in `era`; `undefined`: another one was faster, and this says nothing new. `askedMs`: how long the provider wants to be left alone. Pure. */
export function afterFailure(
  state: BreakerState,
  era: number,
  failure: ProviderFailure,
  askedMs: number,
  now: number,
): BreakerState | undefined {
  if (state.era !== era) return undefined;
  const pauseMs = Math.max(Math.min(askedMs, LONGEST_ASKED_MS), Math.min(FIRST_MS * 2 ** state.failures, LONGEST_MS));
  return {
    era: era + 1,
    failures: state.failures + 1,
    last: failure,
    since: state.failures === 0 ? now : state.since,
    openUntil: now + pauseMs,
  };
}

/** After a success of a call that began in `era`; `undefined` where nothing changes. Pure. */
export function afterSuccess(state: BreakerState, era: number): BreakerState | undefined {
  return state.era !== era || state.failures === 0 ? undefined : { era, failures: 0, since: 0, openUntil: 0 };
}

/** After a call by `by` that says nothing of the provider: another one may try. Pure. */
export function afterNeither(state: BreakerState, by: string): BreakerState | undefined {
  if (state.probe?.by !== by) return undefined;
  const { probe: _given, ...rest } = state;
  return rest;
}

/**
 * Whether `by` may make a call now. Pure.
 *
 * | the breaker                                  | answer                          |
 * |----------------------------------------------|---------------------------------|
 * | has had no failure since the last success     | go                              |
 * | is open, and the pause is not over             | stop                            |
 * | is being tried by somebody else                | wait                            |
 * | else                                          | go, as the one who tries        |
 */
export function admission(
  state: BreakerState,
  by: string,
  now: number,
): { readonly answer: 'go' | 'stop' | 'wait'; readonly next?: BreakerState } {
  if (state.failures === 0) return { answer: 'go' };
  if (now < state.openUntil) return { answer: 'stop' };
  if (state.probe !== undefined && state.probe.by !== by && state.probe.until > now) return { answer: 'wait' };
  return { answer: 'go', next: { ...state, probe: { by, until: now + PROBE_MS } } };
}

/** How many further events a process may take on account of the breaker: none while there is a pause or a call that tries; `undefined`: as many as it likes. Pure. */
export function slotsFor(state: BreakerState, now: number): 0 | 1 | undefined {
  if (state.failures === 0) return undefined;
  return now < state.openUntil || (state.probe !== undefined && state.probe.until > now) ? 0 : 1;
}
