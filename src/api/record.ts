import type { DeadLetterReason } from './reasons.ts';
import type { TokenUsage } from './tokens.ts';

/**
 * What is known of one event of one agent: the memory that makes a redelivery, a retry or a second copy harmless.
 *
 *   absent --take--> running --decide--> decided --publish confirmed--> parked (retry) or dead
 *                    running --last result--> done
 *                    running --hand back--> parked
 *
 * `running` and `decided` belong to whoever holds the fence while the lease lasts. `done` expires after the retention; the others stay.
 */
export interface EventRecord {
  /** How often the event was redriven. */
  readonly gen: number;
  /** `running`, `decided`, `done`, `dead`: the attempt that is or was run; `parked`: the attempt of the copy on its way. */
  readonly attempt: number;
  readonly phase: 'running' | 'decided' | 'parked' | 'done' | 'dead';
  /** Names the last taker; whoever holds another one may write nothing. */
  readonly fence: string;
  /** Takes since the last orderly end: above 1, a run did not come to one, mostly because its process died. */
  readonly starts: number;
  /** What `decided` is about to publish. */
  readonly decision?: Decision;
  /** The event that it is about, as the copy that was taken first said. */
  readonly event?: EventName;
  /** When it was first taken, by the taker's clock. */
  readonly startedAt: number;
  /** The model's usable answer, bought and kept. */
  readonly turn?: TurnCheckpoint;
  /** By output name. */
  readonly outputs: Readonly<Record<string, OutputCheckpoint>>;
  /** What all its runs have bought so far. */
  readonly spent?: Spent;
  /** What of that was bought before its last redrive: a budget for one event begins anew with it. */
  readonly spentBefore?: Spent;
  /** How often an answer that was bought was set aside for a new one, since prompt or model had changed before the first output; missing where never. */
  readonly freshStarts?: number;
  /** What became of a `done` or `dead` event, and when. */
  readonly result?: RecordResult;
}

/** How people know an event: attributes of CloudEvents, nothing of its data. */
export interface EventName {
  readonly id: string;
  readonly type: string;
}

/** What became of an event in the end. `endedAt` in milliseconds since the epoch. */
export type RecordResult =
  | { readonly outcome: 'done' | 'filtered' | 'stale' | 'expired'; readonly endedAt: number }
  | { readonly outcome: 'dead'; readonly reason: DeadLetterReason; readonly endedAt: number };

/** The record of an event that nobody has taken in time: nobody will. */
export function expiredRecord(event: EventName, fence: string, now: number): EventRecord {
  const result = { outcome: 'expired' as const, endedAt: now };
  return { gen: 0, attempt: 1, phase: 'done', fence, starts: 0, event, startedAt: now, outputs: {}, result };
}

/** What was bought for an event. */
export interface Spent {
  /** Calls of the model that have ended and cost something. */
  readonly turns: number;
  /** Cached tokens included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** `'unknown'` as soon as the price of one call is. */
  readonly costNanoUsd: number | 'unknown';
  /** Whether a call ended without a report of its usage, and its upper bound is in here. */
  readonly estimated: boolean;
}

/** Nothing bought yet. */
export const NOTHING_SPENT: Spent = { turns: 0, inputTokens: 0, outputTokens: 0, costNanoUsd: 0, estimated: false };

/** A settling publish, decided before it is made, so that whoever comes next repeats it and nothing else. */
export type Decision =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly attempt: number; readonly notBefore?: number }
  | {
      readonly kind: 'dead';
      readonly reason: DeadLetterReason;
      readonly error: string;
      readonly fingerprint: string;
      readonly attempts: number;
      /** Milliseconds since the epoch. */
      readonly at: number;
    };

/** One finished model turn. */
export interface TurnCheckpoint {
  /** SHA-256 of the request: an answer to another prompt or model is not used again before the first output. */
  readonly requestDigest: string;
  readonly text: string;
  readonly model: string;
  readonly usage: TokenUsage;
  /** In the store of an agent that encrypts its checkpoints: the text, which is empty then. */
  readonly sealed?: string;
}

/**
 * One output: the request as it was rendered, and what is known of it. `intent`: it may have been sent, and no answer is known;
 * `refused`: its sink certainly did not take it; `done`: it did. A repetition sends exactly this request.
 */
export interface OutputCheckpoint {
  readonly request: RenderedRequest;
  readonly state: 'intent' | 'refused' | 'done';
  /** In the store of an agent that encrypts its checkpoints: the request, which is empty then. */
  readonly sealed?: string;
}

/** An HTTP request without the headers that come from Secrets. */
export interface RenderedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
