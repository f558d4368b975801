import type { DeadLetterReason, HandBackReason, RetryReason, WaitReason } from '../api/reasons.ts';
import type { Decision } from '../api/record.ts';

/**
 * How the life of one delivery in the runner ends. Each kind has its row in the settlement table (`settle.ts`);
 * a kind without a row does not compile.
 */
export type Outcome =
  /** All outputs are delivered, and the record says so. */
  | { readonly kind: 'done' }
  /** The event was settled by another delivery. */
  | { readonly kind: 'duplicate' }
  /** The filter does not want it. */
  | { readonly kind: 'filtered' }
  /** It waited longer than its TTL before its first model call. */
  | { readonly kind: 'stale' }
  /** Nobody had taken it when its time was over. */
  | { readonly kind: 'expired' }
  /** It can go better next time; the event uses up an attempt. */
  | { readonly kind: 'transient'; readonly reason: RetryReason; readonly error: string; readonly retryAfterMs?: number }
  /** It will never go better. */
  | { readonly kind: 'permanent'; readonly reason: DeadLetterReason; readonly error: string }
  /** The settling publish of an earlier run is missing. */
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** Not the event's fault: no attempt is used up. */
  | { readonly kind: 'hand-back'; readonly reason: HandBackReason; readonly error: string }
  /** To be looked at again after a while. */
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly untilMs?: number }
  /** The delivery's channel is gone: the broker delivers the event again, and what is checkpointed stays. */
  | { readonly kind: 'delivery-lost' }
  /** Another taker has the event: this delivery is looked at anew. */
  | { readonly kind: 'fenced' };
