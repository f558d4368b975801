import { APIError } from '@anthropic-ai/sdk';
import { FetchFailed } from '../lib/http-fetch.ts';
import { retryAfterMs } from '../lib/retry-after.ts';
import { ModelError, type ModelErrorCode, type ModelRequest, type TokenUsage } from './port.ts';
import { safeWords } from './provider-words.ts';

/** Who ended the call: our caller's signal, our watch over silence, or the other side. */
export type CallEnd = 'aborted' | 'stalled' | 'failed';

/** What is known of a call that ended without an answer. */
export interface FailedCall {
  readonly end: CallEnd;
  /** Its text, and the key, are kept out of the error. */
  readonly request: ModelRequest;
  readonly apiKey: string;
  readonly requestId: string | null;
  /** Upper bound of what can be billed, if anything is. */
  readonly mayHaveCost: TokenUsage;
  /** Milliseconds since the epoch; a `retry-after` may be a date. */
  readonly now: number;
}

/** The error for whatever a call ended with; `undefined` where the stream just ended too early. Pure. */
export function modelErrorFor(error: unknown, call: FailedCall): ModelError {
  if (error instanceof APIError && error.status !== undefined) return statusError(error, error.status, call);
  const cause = error instanceof FetchFailed ? error.cause : error;
  const neverSent = error instanceof FetchFailed && !error.connected;
  const usage = neverSent ? 'none' : call.mayHaveCost;
  if (call.end === 'aborted') return new ModelError('Aborted', withId('The call was aborted.', call.requestId), { usage });
  if (neverSent) {
    const why = call.end === 'stalled' ? 'no connection in time' : shortCause(cause);
    return new ModelError('Unreachable', `The model provider could not be reached (${why}). ${advice.Unreachable}`, { cause, usage });
  }
  if (call.end === 'stalled') {
    return new ModelError('Stalled', withId(`Nothing came from the model provider for too long. ${advice.Stalled}`, call.requestId), {
      usage,
    });
  }
  return error instanceof APIError && error.type !== null ? streamError(error, call) : cut(cause, call);
}

/** The provider answered with an error status: nothing is billed. */
function statusError(error: APIError, status: number, call: FailedCall): ModelError {
  if (call.end === 'aborted') return new ModelError('Aborted', withId('The call was aborted.', error.requestID ?? null), { usage: 'none' });
  const code = codeForStatus(status, error);
  const known = [error.type, error.errorCode, idText(error.requestID)].filter((part) => typeof part === 'string');
  const details = known.length === 0 ? '' : ` (${known.join(', ')})`;
  return new ModelError(code, `The model provider answered ${status}${details}${wordsOf(error, call)}. ${adviceFor(code, status)}`, {
    usage: 'none',
    retryAfterMs: retryAfterMs(error.headers?.get('retry-after'), call.now),
  });
}

/** The provider broke off within an answer: what it had done so far may be billed. */
function streamError(error: APIError, call: FailedCall): ModelError {
  const code = typeCodes.get(error.type ?? '') ?? 'Cut';
  const details = [error.type, idText(error.requestID)].filter((part) => typeof part === 'string').join(', ');
  return new ModelError(code, `The model provider broke off its answer (${details})${wordsOf(error, call)}. ${advice[code]}`, {
    usage: call.mayHaveCost,
  });
}

function cut(cause: unknown, call: FailedCall): ModelError {
  const how = cause === undefined ? 'the stream ended before the message did' : shortCause(cause);
  return new ModelError('Cut', withId(`The connection to the model provider broke (${how}). ${advice.Cut}`, call.requestId), {
    // What the SDK throws holds the whole body of the answer, and would carry it into a log.
    ...(cause instanceof APIError ? {} : { cause }),
    usage: call.mayHaveCost,
  });
}

/** What a type of error says wherever it stands. https://platform.claude.com/docs/en/api/errors */
const typeCodes: ReadonlyMap<string, ModelErrorCode> = new Map<string, ModelErrorCode>([
  ['overloaded_error', 'Overloaded'],
  ['rate_limit_error', 'RateLimited'],
  ['billing_error', 'SpendLimit'],
  ['authentication_error', 'Unauthorized'],
  ['permission_error', 'Forbidden'],
]);

/** Codes that tell more than the status: an account that may spend no more, or is shut. They are those that the SDK documents. */
const errorCodes: ReadonlyMap<string, ModelErrorCode> = new Map<string, ModelErrorCode>([
  ['contract_spend_limit_reached', 'SpendLimit'],
  ['enforced_spend_limit_reached', 'SpendLimit'],
  ['linked_organization_spend_limit_reached', 'SpendLimit'],
  ['linked_organization_billing_unavailable', 'SpendLimit'],
  ['organization_on_hold', 'Forbidden'],
]);

const statusCodes: ReadonlyMap<number, ModelErrorCode> = new Map<number, ModelErrorCode>([
  [401, 'Unauthorized'],
  [402, 'SpendLimit'],
  [403, 'Forbidden'],
  [404, 'ModelNotFound'],
  [408, 'ServerError'],
  [409, 'ServerError'],
  [413, 'TooLarge'],
  [429, 'RateLimited'],
  [529, 'Overloaded'],
]);

function codeForStatus(status: number, error: APIError): ModelErrorCode {
  const special = errorCodes.get(error.errorCode ?? '');
  if (special !== undefined) return special;
  if (error.type === 'billing_error') return 'SpendLimit';
  if (error.type === 'overloaded_error') return 'Overloaded';
  const code = statusCodes.get(status);
  if (code !== undefined) return code;
  if (status >= 500) return 'ServerError';
  // A redirect is not followed, so no model got the request; and it is the address that is wrong, not the event.
  return status < 400 ? 'Unreachable' : 'BadRequest';
}

const advice: Readonly<Record<ModelErrorCode, string>> = {
  Overloaded: 'It is overloaded; there is nothing to change here.',
  RateLimited: 'Lower the concurrency of the agents that share this key, or ask the provider for a higher limit.',
  Unauthorized: 'Put a valid key into the Secret that the agent names.',
  Forbidden: "Check that the key's account and workspace may use this model.",
  ModelNotFound: "Check the agent's model and base URL.",
  SpendLimit: "Raise the account's spend limit, or add credit.",
  Unreachable: "Check the agent's base URL, the name service, and what the network lets through.",
  ServerError: 'The failure is on its side; the call can be repeated.',
  Stalled: 'The call was given up and can be repeated.',
  Cut: 'The call can be repeated.',
  BadRequest: "Mend the agent's prompt or model settings.",
  TooLarge: 'Shorten the prompt.',
  Aborted: '',
};

function adviceFor(code: ModelErrorCode, status: number): string {
  return status < 400 ? 'It redirects elsewhere: put the final address into the base URL.' : advice[code];
}

/** The provider's own sentence, where it may be told. */
function wordsOf(error: APIError, { request, apiKey }: FailedCall): string {
  const words = safeWords(error.apiMessage, request, apiKey);
  return words === '' ? '' : `: ${words}`;
}

/** A socket's own word for what happened; never a message, which may hold what was sent. */
function shortCause(cause: unknown): string {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string') return error.code;
  }
  return 'what came is no answer of the Messages API';
}

function idText(requestId: string | null | undefined): string | undefined {
  return requestId ? `request ${requestId}` : undefined;
}

function withId(message: string, requestId: string | null): string {
  return requestId === null ? message : `${message} (request ${requestId})`;
}
