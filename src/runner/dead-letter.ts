import type { Headers } from '../api/message.ts';
import type { Decision } from '../api/record.ts';

/** An error travels in a header, beside the event's attributes in one frame. */
const MAX_ERROR_CHARACTERS = 1000;

/** The headers that a dead letter carries beside the event's own: why, since when, and after how many attempts. */
export function deadLetterHeaders(decision: Extract<Decision, { kind: 'dead' }>, publishedAt: number | undefined): Headers {
  return {
    'ea-reason': decision.reason,
    'ea-error': decision.error.slice(0, MAX_ERROR_CHARACTERS),
    'ea-fingerprint': decision.fingerprint,
    'ea-attempts': decision.attempts,
    'ea-dead-at': new Date(decision.at).toISOString(),
    ...(publishedAt === undefined ? {} : { 'ea-first-at': new Date(publishedAt).toISOString() }),
  };
}
