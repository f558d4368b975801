import type { PublishResult } from './publisher.ts';
import { codeOf, type PlainReason, type Reason, reasons } from './reasons.ts';
import type { Answer } from './respond.ts';
import type { Refusal } from './sources/reading.ts';

/** How a request ended and what its sender is told; `undefined` where nobody is left to tell. */
export interface Ending {
  readonly reason: Reason;
  readonly answer: Answer | undefined;
}

/** What a sender that keeps to `Retry-After` waits. */
const RETRY_AFTER_SECONDS = 5;

/** The provider's test of the webhook. */
export const handshake: Ending = { reason: 'handshake', answer: { code: codeOf('handshake'), body: { status: 'ok' } } };

/** The sender went away. */
export const aborted: Ending = { reason: 'aborted', answer: undefined };

/** The event was taken; the sender gets its id. */
export function taken(reason: 'accepted' | 'unbound', id: string): Ending {
  return { reason, answer: { code: codeOf(reason), body: { id } } };
}

/** An ending whose answer is the same for every request. */
export function plain(reason: PlainReason): Ending {
  return withError(reason, reasons[reason].error);
}

/** A request that holds no event; the sender is told what to send instead. */
export function withError(reason: PlainReason | Refusal['reason'], error: string): Ending {
  const code = codeOf(reason);
  return { reason, answer: { code, body: { error }, headers: headersOf(code) } };
}

/** The ending of a request whose event was handed to the broker. */
export function afterPublish(result: PublishResult, id: string): Ending {
  switch (result) {
    case 'confirmed':
      return taken('accepted', id);
    case 'unroutable':
      return plain('unroutable');
    case 'refused':
      return plain('queue_full');
    case 'blocked':
      return plain('broker_blocked');
    case 'unavailable':
      return plain('broker_unavailable');
    case 'late':
      return plain('confirm_late');
  }
}

function headersOf(code: number): Readonly<Record<string, string>> {
  switch (code) {
    case 401:
      // A 401 must name a scheme (RFC 9110 section 15.5.2); one name for all, so that it does not tell which.
      return { 'www-authenticate': 'Webhook' };
    case 405:
      return { allow: 'POST' };
    case 413:
      return { connection: 'close' };
    case 503:
      return { 'retry-after': String(RETRY_AFTER_SECONDS) };
    default:
      return {};
  }
}
