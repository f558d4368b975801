import { CodedError } from '../lib/errors.ts';
import { retryAfterMs } from '../lib/retry-after.ts';

/** Why the API server did not do as it was told. `Failed` is the server's own trouble (5xx) and whatever nothing else stands for. */
export type KubeErrorCode =
  | 'Unreachable'
  | 'Conflict'
  | 'Forbidden'
  | 'Unauthorized'
  | 'Invalid'
  | 'NotFound'
  | 'Gone'
  | 'Throttled'
  | 'Failed';

/** One of the reasons in a Status: what is wrong with which field. */
export interface StatusCause {
  readonly reason?: string;
  readonly field?: string;
  readonly message?: string;
}

/** What is known of a refusal beside its code. */
interface KubeErrorDetails {
  readonly status?: number;
  readonly reason?: string;
  readonly retryAfterMs?: number;
  readonly objectName?: string;
  readonly causes?: readonly StatusCause[];
  readonly cause?: unknown;
}

/** A call to the API server failed. `Unreachable`: there was no whole answer, so a write may or may not have been done. */
export class KubeError extends CodedError<KubeErrorCode> {
  /** HTTP status, or that of a watch's ERROR event. */
  readonly status: number | undefined;
  /** The API server's own word, e.g. `AlreadyExists`, `Expired`. */
  readonly reason: string | undefined;
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | undefined;
  /** The object that the refusal is about. */
  readonly objectName: string | undefined;
  readonly causes: readonly StatusCause[];

  constructor(code: KubeErrorCode, message: string, details: KubeErrorDetails = {}) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.reason = details.reason;
    this.retryAfterMs = details.retryAfterMs;
    this.objectName = details.objectName;
    this.causes = details.causes ?? [];
  }
}

/** Refusals of whole objects list every field that is wrong; this much of that is for a log and a condition. */
const LONGEST_MESSAGE = 1_000;

/** The API server's answer for an address that it does not know is no Status. */
const UNKNOWN_KIND = 'the API server knows nothing of this kind; is its CustomResourceDefinition installed?';

const codes: Readonly<Record<number, KubeErrorCode>> = {
  400: 'Invalid',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  413: 'Invalid',
  422: 'Invalid',
  429: 'Throttled',
};

/**
 * The error for an answer that is no success. `body` is its JSON, where it was JSON: the API server says why in a Status
 * (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/); what a proxy in between says is of no use to anybody. `what` was being done.
 */
export function kubeErrorFor(what: string, status: number, body: unknown, retryAfter: string | undefined, now: number): KubeError {
  const code = codes[status] ?? 'Failed';
  const asked = retryAfterMs(retryAfter, now);
  if (!isStatus(body))
    return new KubeError(
      code,
      `${what}: ${status === 404 ? UNKNOWN_KIND : `answered with ${status}, and no word of the API server's own`}`,
      {
        status,
        ...(asked === undefined ? {} : { retryAfterMs: asked }),
      },
    );
  const { reason, details } = body;
  const seconds = details?.retryAfterSeconds;
  const wait = asked ?? (typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : undefined);
  return new KubeError(code, `${what}: ${shortened(body.message || reason || `status ${status}`)}`, {
    status,
    ...(reason ? { reason } : {}),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(details?.name ? { objectName: details.name } : {}),
    ...(details?.causes ? { causes: details.causes } : {}),
  });
}

/** What we read of a Status. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly StatusCause[];
  };
}

/** Whether this is a Status of the API server's. */
export function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}

/** Whether an object cannot be written because its namespace is being deleted. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof KubeError && error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

function shortened(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
}
