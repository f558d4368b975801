import type { HttpOutput } from '../../api/configuration.ts';
import type { Outcome } from '../outcome.ts';
import type { Answer } from './send.ts';

/** Statuses by which a sink asks to come back later. */
const LATER = new Set([408, 409, 425, 429]);
/** Statuses of a proxy that does not know whether the sink got the request. */
const UNKNOWN = new Set([502, 504]);

/** What an answer means: delivered, or how the run ends. */
export function verdictOn(output: Pick<HttpOutput, 'name' | 'onUnknownResult'>, answer: Answer): 'delivered' | Outcome {
  const at = `output ${output.name}`;
  switch (answer.kind) {
    case 'forbidden':
      return { kind: 'permanent', reason: 'OutputForbidden', error: `${at}: ${answer.error}` };
    case 'not-sent':
      return { kind: 'transient', reason: 'OutputUnreachable', error: `${at}: nothing was sent: ${answer.error}` };
    case 'unknown':
      return unknownResult(output, `${at}: ${answer.error}; the request may have arrived`);
    case 'answered':
      break;
    default:
      return answer satisfies never;
  }
  const { status } = answer;
  const error = `${at} answered ${status}`;
  const retryAfter = answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs };
  if (status >= 200 && status < 300) return 'delivered';
  if (LATER.has(status) || (status === 403 && answer.rateLimited)) return { kind: 'transient', reason: 'OutputBusy', error, ...retryAfter };
  if (UNKNOWN.has(status)) return unknownResult(output, error);
  if (status >= 500) return { kind: 'transient', reason: 'OutputServerError', error, ...retryAfter };
  return { kind: 'permanent', reason: 'OutputRejected', error };
}

/** An output was sent, or may have been, and nobody knows what became of it: the one case that the agent's author decides. */
export function unknownResult(output: Pick<HttpOutput, 'onUnknownResult'>, error: string): Outcome {
  switch (output.onUnknownResult) {
    case 'Retry':
      return { kind: 'transient', reason: 'OutputUnknown', error };
    case 'DeadLetter':
      return { kind: 'permanent', reason: 'OutputUnknown', error };
    default:
      return output.onUnknownResult satisfies never;
  }
}
