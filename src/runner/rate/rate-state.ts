import type { RateLimit } from '../../api/configuration.ts';

/**
 * How far an agent has used up its rates, over all its replicas: for each the time by which all that was let through would have been let through evenly (the theoretical arrival time
 * of the generic cell rate algorithm, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm). The store's time, in milliseconds since the epoch.
 */
export interface RateState {
  readonly events: number;
  readonly tokens: number;
}

/** Nothing was let through yet. */
export const IDLE: RateState = { events: 0, tokens: 0 };

/** Tokens are limited by the minute. */
const TOKEN_PERIOD_MS = 60_000;

/** Lets one call of at most so many tokens through, or says how long it has to wait. Within a period as much as its limit may come at once. Pure. */
export function letThrough(
  state: RateState,
  { events, tokensPerMinute }: RateLimit,
  tokens: number,
  now: number,
): { readonly next: RateState } | { readonly waitMs: number } {
  const next = {
    events: events === undefined ? state.events : Math.max(state.events, now) + events.periodMs / events.limit,
    tokens: tokensPerMinute === undefined ? state.tokens : Math.max(state.tokens, now) + tokens * tokenMs(tokensPerMinute),
  };
  const waitMs = Math.max(
    events === undefined ? 0 : next.events - events.periodMs - now,
    // A call of more than a minute's tokens waits until the minute is empty, and no longer.
    tokensPerMinute === undefined ? 0 : Math.min(next.tokens - TOKEN_PERIOD_MS, Math.max(state.tokens, now)) - now,
  );
  return waitMs <= 0 ? { next } : { waitMs: Math.ceil(waitMs) };
}

/** Gives back the tokens that a call has not used. Pure. */
export function givenBack(state: RateState, { tokensPerMinute }: RateLimit, unused: number): RateState | undefined {
  return tokensPerMinute === undefined || unused <= 0 ? undefined : { ...state, tokens: state.tokens - unused * tokenMs(tokensPerMinute) };
}

function tokenMs(tokensPerMinute: number): number {
  return TOKEN_PERIOD_MS / tokensPerMinute;
}
