import type { TokenUsage } from '../../src/model/port.ts';

/** How the stub answers one request. */
export type Behaviour = Answer | Refusal;

/** A message of the model's, or as much of one as a fault lets through. */
export interface Answer {
  readonly text?: string;
  readonly stopReason?: string;
  /** Replaces figures of the stub's own rule. */
  readonly usage?: Partial<TokenUsage>;
  /** What `message_start` says of the input, where it differs from the final figure. */
  readonly inputAtStart?: number;
  /** Before the headers. */
  readonly delayMs?: number;
  /** Before each piece of the text. */
  readonly chunkDelayMs?: number;
  /** A thinking model: pings and nothing else before the text. */
  readonly pings?: { readonly count: number; readonly everyMs: number };
  /** Waits for a gate: before the headers, or with half of the text sent. */
  readonly hold?: { readonly at: 'headers' | 'stream'; readonly until: Promise<void> };
  readonly fault?: Fault;
}

/**
 * What goes wrong, and when: before the headers, right behind them, with half of the text sent, or behind the end of the message.
 * `stall`: nothing more is sent; `cut`: the connection is reset; `end`: the answer ends in good order, and too early;
 * `error`: an `error` event, and the end; `garbage`: an event that is no JSON.
 */
export type Fault =
  | { readonly kind: 'stall'; readonly at: 'headers' | 'start' | 'stream' | 'stop' }
  | { readonly kind: 'cut'; readonly at: 'headers' | 'start' | 'stream' | 'stop' }
  | { readonly kind: 'end' | 'garbage'; readonly at: 'start' | 'stream' }
  | { readonly kind: 'error'; readonly at: 'start' | 'stream'; readonly type: string; readonly message?: string };

/** An error status instead of an answer. */
export interface Refusal {
  readonly status: number;
  /** The provider's type of error; by default the one that belongs to the status. */
  readonly type?: string;
  readonly message?: string;
  readonly errorCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the provider's JSON: what a proxy before it would say. */
  readonly body?: string;
  readonly delayMs?: number;
}

/** Whether the behaviour is an error status. */
export function isRefusal(behaviour: Behaviour): behaviour is Refusal {
  return 'status' in behaviour;
}

/** Type of error by status. https://platform.claude.com/docs/en/api/errors */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The body of an error. */
export function errorBody(refusal: Refusal, requestId: string): string {
  return (
    refusal.body ??
    JSON.stringify({
      type: 'error',
      error: {
        type: refusal.type ?? errorTypes[refusal.status] ?? (refusal.status >= 500 ? 'api_error' : 'invalid_request_error'),
        message: refusal.message ?? `status ${refusal.status}, as scripted`,
        details: refusal.errorCode === undefined ? null : { error_code: refusal.errorCode },
      },
      request_id: requestId,
    })
  );
}
