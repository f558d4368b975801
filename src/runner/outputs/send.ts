import type { RenderedRequest } from '../../api/record.ts';
import type { Clock } from '../../lib/clock.ts';
import { failedBeforeSending, networkCodeOf } from '../../lib/network-errors.ts';
import { allowedUrl, HostNotAllowed } from './hosts.ts';

/** What became of a request. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs?: number; readonly rateLimited: boolean }
  /** A redirect led to a host that is not allowed; it was not followed. */
  | { readonly kind: 'forbidden'; readonly error: string }
  /** Certainly nothing was sent. */
  | { readonly kind: 'not-sent'; readonly error: string }
  /** Sent, perhaps in part, and no answer is known. */
  | { readonly kind: 'unknown'; readonly error: string };

/** A request on its way out, with what must not be kept. */
export interface OutgoingRequest {
  /** Name of the output. */
  readonly output: string;
  readonly request: RenderedRequest;
  /** Headers from Secrets: only for the origin of the first URL. */
  readonly secretHeaders: Readonly<Record<string, string>>;
  readonly idempotencyKey: string;
  readonly allowedHosts: readonly string[];
  readonly timeoutMs: number;
}

/** Sends a request once. Never rejects: an abort is an unknown result, since the request may have arrived. */
export type Send = (outgoing: OutgoingRequest, signal: AbortSignal) => Promise<Answer>;

/** As many redirects as are followed. Only 307 and 308 keep method and body, so only they are. RFC 9110 section 15.4. */
const MAX_REDIRECTS = 5;

/** The real thing, over Node's `fetch`. */
export function createSend(options: { readonly clock: Clock; readonly userAgent: string }): Send {
  return async (outgoing, signal) => {
    const deadline = new AbortController();
    const timer = options.clock.timer(outgoing.timeoutMs, () =>
      deadline.abort(new Error(`no answer within ${outgoing.timeoutMs / 1000} s`)),
    );
    try {
      return await follow(outgoing, options, AbortSignal.any([signal, deadline.signal]));
    } catch (error) {
      if (error instanceof HostNotAllowed) return { kind: 'forbidden', error: `a redirect was not followed: ${error.message}` };
      if (deadline.signal.aborted) return { kind: 'unknown', error: `no answer within ${outgoing.timeoutMs / 1000} s` };
      if (signal.aborted) return { kind: 'unknown', error: 'the run ended before the answer came' };
      const code = networkCodeOf(error) ?? 'connection failed';
      return failedBeforeSending(error) ? { kind: 'not-sent', error: code } : { kind: 'unknown', error: code };
    } finally {
      timer.cancel();
    }
  };
}

async function follow(
  outgoing: OutgoingRequest,
  options: { readonly clock: Clock; readonly userAgent: string },
  signal: AbortSignal,
): Promise<Answer> {
  let url = new URL(outgoing.request.url);
  const home = url.origin;
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetch(url, {
      method: outgoing.request.method,
      headers: {
        'user-agent': options.userAgent,
        ...outgoing.request.headers,
        ...(url.origin === home ? outgoing.secretHeaders : {}),
        'idempotency-key': outgoing.idempotencyKey,
      },
      body: outgoing.request.body,
      redirect: 'manual',
      signal,
    });
    await response.body?.cancel();
    const location = response.headers.get('location');
    const followed = (response.status === 307 || response.status === 308) && location !== null && redirects < MAX_REDIRECTS;
    if (!followed) return answerOf(response, options.clock.now());
    url = allowedUrl(new URL(location, url).href, outgoing.allowedHosts);
  }
}

function answerOf(response: Response, now: number): Answer {
  const retryAfterMs = retryAfterOf(response.headers, now);
  return {
    kind: 'answered',
    status: response.status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    rateLimited: retryAfterMs !== undefined || response.headers.get('x-ratelimit-remaining') === '0',
  };
}

/** The wait that an answer asks for: `retry-after` in seconds or as a date (RFC 9110 section 10.2.3), else GitHub's `x-ratelimit-reset` where the limit is used up. */
function retryAfterOf(headers: Headers, now: number): number | undefined {
  const given = headers.get('retry-after');
  if (given !== null) {
    const seconds = Number(given);
    const at = Number.isNaN(seconds) ? Date.parse(given) : now + seconds * 1000;
    return Number.isNaN(at) ? undefined : Math.max(0, at - now);
  }
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  return headers.get('x-ratelimit-remaining') === '0' && !Number.isNaN(reset) ? Math.max(0, reset * 1000 - now) : undefined;
}
