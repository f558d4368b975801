import type { ModelErrorCode } from '../../src/model/port.ts';
import type { Behaviour } from './claude-behaviour.ts';

/** A text of several pieces, so that it can break in the middle. */
export const REVIEW_TEXT = 'The change is small, and its tests cover it. Ship it: äöü €. '.repeat(3);

const text = REVIEW_TEXT;

/** What the error says of the cost: nothing, a bound from the request alone, or one with the input that the stream had told. */
export type Cost = 'none' | 'from the request' | 'from the stream';

/** Every way in which the provider fails, and what the adapter is to make of it. */
export const claudeFailures: readonly (readonly [
  name: string,
  behaviour: Behaviour,
  code: ModelErrorCode,
  cost: Cost,
  retryAfterMs?: number,
])[] = [
  ['429 with seconds to wait', { status: 429, headers: { 'retry-after': '7' } }, 'RateLimited', 'none', 7_000],
  ['429 with a date long past', { status: 429, headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' } }, 'RateLimited', 'none', 0],
  ['429 without a wait', { status: 429 }, 'RateLimited', 'none'],
  ['429 that is a spent contract', { status: 429, errorCode: 'contract_spend_limit_reached' }, 'SpendLimit', 'none'],
  ['429 that is a spent month', { status: 429, errorCode: 'enforced_spend_limit_reached' }, 'SpendLimit', 'none'],
  ['529', { status: 529 }, 'Overloaded', 'none'],
  ['overload under another status', { status: 503, type: 'overloaded_error' }, 'Overloaded', 'none'],
  ['500', { status: 500 }, 'ServerError', 'none'],
  [
    '503 of a proxy, in plain text',
    { status: 503, body: 'upstream connect error', headers: { 'retry-after': '2' } },
    'ServerError',
    'none',
    2_000,
  ],
  ['504', { status: 504 }, 'ServerError', 'none'],
  ['408', { status: 408 }, 'ServerError', 'none'],
  ['409', { status: 409, headers: { 'x-should-retry': 'true' } }, 'ServerError', 'none'],
  ['401', { status: 401 }, 'Unauthorized', 'none'],
  ['402', { status: 402 }, 'SpendLimit', 'none'],
  ['403', { status: 403 }, 'Forbidden', 'none'],
  ['an organization on hold', { status: 400, errorCode: 'organization_on_hold' }, 'Forbidden', 'none'],
  ['404', { status: 404 }, 'ModelNotFound', 'none'],
  ['400', { status: 400 }, 'BadRequest', 'none'],
  ['422', { status: 422 }, 'BadRequest', 'none'],
  ['413', { status: 413 }, 'TooLarge', 'none'],
  ['a redirect', { status: 307, headers: { location: '/v1/messages' } }, 'Unreachable', 'none'],
  [
    'an overload error before the message',
    { text, fault: { kind: 'error', at: 'start', type: 'overloaded_error' } },
    'Overloaded',
    'from the request',
  ],
  [
    'an overload error within the message',
    { text, fault: { kind: 'error', at: 'stream', type: 'overloaded_error' } },
    'Overloaded',
    'from the stream',
  ],
  [
    'a rate limit within the message',
    { text, fault: { kind: 'error', at: 'stream', type: 'rate_limit_error' } },
    'RateLimited',
    'from the stream',
  ],
  ['another error within the message', { text, fault: { kind: 'error', at: 'stream', type: 'api_error' } }, 'Cut', 'from the stream'],
  ['a stall before the headers', { fault: { kind: 'stall', at: 'headers' } }, 'Stalled', 'from the request'],
  ['a stall behind the headers', { fault: { kind: 'stall', at: 'start' } }, 'Stalled', 'from the request'],
  ['a stall within the message', { text, fault: { kind: 'stall', at: 'stream' } }, 'Stalled', 'from the stream'],
  ['a connection cut before the headers', { fault: { kind: 'cut', at: 'headers' } }, 'Cut', 'from the request'],
  ['a connection cut behind the headers', { fault: { kind: 'cut', at: 'start' } }, 'Cut', 'from the request'],
  ['a connection cut within the message', { text, fault: { kind: 'cut', at: 'stream' } }, 'Cut', 'from the stream'],
  ['a stream that ends before it began', { fault: { kind: 'end', at: 'start' } }, 'Cut', 'from the request'],
  ['a stream that ends too early', { text, fault: { kind: 'end', at: 'stream' } }, 'Cut', 'from the stream'],
  ['a stream that turns into something else', { text, fault: { kind: 'garbage', at: 'stream' } }, 'Cut', 'from the stream'],
];
