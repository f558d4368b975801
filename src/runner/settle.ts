import type { Progress } from '../api/event.ts';
import { fingerprintOf } from '../api/fingerprint.ts';
import type { Decision } from '../api/record.ts';
import type { Outcome } from './outcome.ts';

/** Where a copy of the event goes. */
export type Destination =
  | { readonly to: 'work' }
  | { readonly to: 'wait' }
  | { readonly to: 'tier'; readonly delayMs: number }
  | { readonly to: 'dead' };

/** What to tell the broker, and the store before and after it. */
export type Settlement =
  /** Close the record, if the event was taken, and acknowledge. */
  | { readonly do: 'ack'; readonly as: 'done' | 'duplicate' | 'filtered' | 'stale' | 'expired' }
  /** Record the decision, publish until confirmed, mark it, acknowledge. */
  | { readonly do: 'decide'; readonly decision: Decision }
  /** Give the event back: park it if it was taken, publish the same copy, acknowledge. */
  | { readonly do: 'return'; readonly destination: Destination }
  /** Park it and leave it to the broker, which has taken the delivery back already. */
  | { readonly do: 'leave' }
  /** Start over with the same delivery. */
  | { readonly do: 'retake' };

/** What settling has to know of the agent and of the delivery. */
export interface SettleContext {
  readonly progress: Progress;
  readonly maxAttempts: number;
  /** At least one; the last repeats. */
  readonly retryDelaysMs: readonly number[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Nobody can put an event off for longer than this by a `retry-after`. */
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000;

/** The settlement table. */
export function settlementFor(outcome: Outcome, context: SettleContext): Settlement {
  switch (outcome.kind) {
    case 'done':
    case 'duplicate':
    case 'filtered':
    case 'stale':
    case 'expired':
      return { do: 'ack', as: outcome.kind };
    case 'transient':
      return { do: 'decide', decision: retryOrDead(outcome, context) };
    case 'permanent':
      return { do: 'decide', decision: dead(outcome.reason, outcome.error, context) };
    case 'decided':
      return { do: 'decide', decision: inOwnTier(outcome.decision, context.retryDelaysMs) };
    case 'hand-back':
      return { do: 'return', destination: { to: 'work' } };
    case 'wait':
      return { do: 'return', destination: waitDestination((outcome.untilMs ?? context.now) - context.now, context.retryDelaysMs) };
    case 'delivery-lost':
      return { do: 'leave' };
    case 'fenced':
      return { do: 'retake' };
    default:
      return outcome satisfies never;
  }
}

/** Where the copy of a decision goes. */
export function destinationOf(decision: Decision): Destination {
  return decision.kind === 'dead' ? { to: 'dead' } : { to: 'tier', delayMs: decision.delayMs };
}

/** A decision of an earlier configuration may name a tier that is no more: the next longer one stands in for it, else the longest. */
function inOwnTier(decision: Decision, retryDelaysMs: readonly number[]): Decision {
  if (decision.kind === 'dead' || retryDelaysMs.includes(decision.delayMs)) return decision;
  const longer = retryDelaysMs.filter((delayMs) => delayMs > decision.delayMs);
  return { ...decision, delayMs: longer.length === 0 ? Math.max(...retryDelaysMs) : Math.min(...longer) };
}

function retryOrDead(outcome: Extract<Outcome, { kind: 'transient' }>, context: SettleContext): Decision {
  const { attempt } = context.progress;
  if (attempt >= context.maxAttempts) {
    return dead('AttemptsExhausted', `${outcome.reason}: ${outcome.error}`, context);
  }
  const delayMs = context.retryDelaysMs[Math.min(attempt, context.retryDelaysMs.length) - 1] ?? 0;
  const asked = Math.min(outcome.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  return { kind: 'retry', delayMs, attempt: attempt + 1, ...(asked > delayMs ? { notBefore: context.now + asked } : {}) };
}

function dead(reason: Extract<Decision, { kind: 'dead' }>['reason'], error: string, context: SettleContext): Decision {
  return { kind: 'dead', reason, error, fingerprint: fingerprintOf(reason, error), attempts: context.progress.attempt, at: context.now };
}

/** The largest tier that does not overshoot the time that is left, else the `wait` queue. */
function waitDestination(remainingMs: number, retryDelaysMs: readonly number[]): Destination {
  const fitting = retryDelaysMs.filter((delayMs) => delayMs <= remainingMs);
  return fitting.length === 0 ? { to: 'wait' } : { to: 'tier', delayMs: Math.max(...fitting) };
}
