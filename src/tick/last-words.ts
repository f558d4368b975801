import type { TickEnd } from './run-tick.ts';

/** What a tick leaves in its termination log, as one line of JSON, once its run has ended. The operator reads it from the status of the pod. Times in RFC 3339. */
export interface TickLastWords {
  readonly outcome: TickEnd['outcome'];
  /** Why, where the outcome does not say; else empty. */
  readonly reason: string;
  readonly eventId: string;
  /** The time of the schedule; missing of a run that was started by hand. */
  readonly slot?: string;
  readonly finishedAt: string;
}

/** The last words of a tick whose run has ended. */
export function lastWordsOf({ outcome, reason, eventId, slot, finishedAt }: TickEnd): TickLastWords {
  return {
    outcome,
    reason,
    eventId,
    ...(slot === undefined ? {} : { slot: new Date(slot).toISOString() }),
    finishedAt: new Date(finishedAt).toISOString(),
  };
}
