import type { TokenUsage } from '../api/tokens.ts';
import { CodedError } from '../lib/errors.ts';

export type { TokenUsage };

/** One request to a model. */
export interface ModelRequest {
  readonly model: string;
  readonly system?: string;
  /** The rendered prompt: the one user message of the turn. */
  readonly prompt: string;
  readonly maxTokens: number;
}

/** Why a model stopped. `other` holds a value that this version does not know. */
export type StopReason =
  | 'end_turn'
  | 'stop_sequence'
  | 'max_tokens'
  | 'tool_use'
  | 'pause_turn'
  | 'refusal'
  | 'model_context_window_exceeded'
  | 'other';

/** A call that ended with an answer, whatever the answer is worth. */
export interface ModelTurn {
  readonly stopReason: StopReason;
  /** The provider's own word where `stopReason` is `other`. */
  readonly rawStopReason: string;
  readonly text: string;
  /** The model that answered, as the provider names it. */
  readonly model: string;
  readonly usage: TokenUsage;
  readonly requestId?: string;
}

/** The model behind an agent. One call is one request: nothing is repeated inside. */
export interface Model {
  /** Rejects with `ModelError`; on abort too (code `Aborted`). */
  call(request: ModelRequest, signal: AbortSignal): Promise<ModelTurn>;
}

/** Counts the input tokens of a request that is not made; that costs nothing. */
export interface TokenCounter {
  /** Rejects as a call does. */
  countTokens(request: ModelRequest, signal: AbortSignal): Promise<number>;
}

/**
 * How a call failed, by who has to react:
 * - the provider's bad day, the event is innocent: `Overloaded` (529), `RateLimited` (429), `Unauthorized` (401), `Forbidden` (403), `ModelNotFound` (404), `SpendLimit` (402, or an error code that says so), `Unreachable` (refused, DNS, TLS: before the request was sent; or an address that redirects);
 * - can go better next time: `ServerError` (other 5xx, 408, 409), `Stalled` (no byte for too long), `Cut` (connection or stream broke, or an error in mid-stream whose type is none of the above);
 * - will never go better: `BadRequest` (400, 422 and other 4xx), `TooLarge` (413);
 * - `Aborted`: our own signal.
 */
export type ModelErrorCode =
  | 'Overloaded'
  | 'RateLimited'
  | 'Unauthorized'
  | 'Forbidden'
  | 'ModelNotFound'
  | 'SpendLimit'
  | 'Unreachable'
  | 'ServerError'
  | 'Stalled'
  | 'Cut'
  | 'BadRequest'
  | 'TooLarge'
  | 'Aborted';

/** A call that ended without an answer. */
export class ModelError extends CodedError<ModelErrorCode> {
  /** What the provider asked us to wait, where it did. */
  readonly retryAfterMs: number | undefined;
  /**
   * What the call may have cost. `none`: the provider answered with an error status, or never got the request;
   * otherwise the upper bound of what can be billed: known input where the stream had said it, else a bound from the request's bytes, and `maxTokens` of output.
   */
  readonly usage: 'none' | TokenUsage;

  constructor(
    code: ModelErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined; readonly usage: 'none' | TokenUsage },
  ) {
    super(code, message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
    this.usage = options.usage;
  }
}
