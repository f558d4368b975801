import { HOP_HEADER } from '../../api/event.ts';
import type { RenderedRequest } from '../../api/record.ts';
import type { Clock } from '../../lib/clock.ts';
import { follow } from '../../lib/follow.ts';
import { FetchFailed, httpFetch } from '../../lib/http-fetch.ts';
import { retryAfterMs } from '../../lib/retry-after.ts';
import { allowedUrl, HostNotAllowed } from './hosts.ts';

/** What became of a request. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs?: number; readonly rateLimited: boolean }
  /** The URL, or a redirect, leads to a host that is not allowed; nothing was sent there. */
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

/** Sends a request once. Rejects with nothing that the network does: an abort is an unknown result, since the request may have arrived. */
export type Send = (outgoing: OutgoingRequest, signal: AbortSignal) => Promise<Answer>;

/** As many redirects as are followed. Only 307 and 308 keep method and body, so only they are. RFC 9110 section 15.4. */
const MAX_REDIRECTS = 5;

/** A longer answer is cut off, and its connection with it. */
const MAX_DRAINED_BYTES = 64 * 1024;

/** The real thing. */
export function createSend(options: { readonly clock: Clock; readonly userAgent: string }): Send {
  return async (outgoing, signal) => {
    const cut = new AbortController();
    let isLate = false;
    const timer = options.clock.timer(outgoing.timeoutMs, () => {
      isLate = true;
      cut.abort();
    });
    const unfollow = follow(signal, cut);
    try {
      return await exchange(outgoing, options, cut.signal);
    } catch (error) {
      if (error instanceof HostNotAllowed) return { kind: 'forbidden', error: error.message };
      if (isLate) return { kind: 'unknown', error: `no answer within ${outgoing.timeoutMs / 1000} s` };
      if (signal.aborted) return { kind: 'unknown', error: 'the run ended before the answer came' };
      if (!(error instanceof FetchFailed)) throw error;
      const { code = 'the connection failed' } = error.cause as NodeJS.ErrnoException;
      return { kind: error.connected ? 'unknown' : 'not-sent', error: code };
    } finally {
      timer.cancel();
      unfollow();
    }
  };
}

async function exchange(
  outgoing: OutgoingRequest,
  options: { readonly clock: Clock; readonly userAgent: string },
  signal: AbortSignal,
): Promise<Answer> {
  let url = allowedUrl(outgoing.request.url, outgoing.allowedHosts);
  const home = url.origin;
  const { [HOP_HEADER]: hop } = outgoing.request.headers;
  for (let redirects = 0; ; redirects += 1) {
    const response = await httpFetch(url, {
      method: outgoing.request.method,
      headers: {
        'user-agent': options.userAgent,
        ...outgoing.request.headers,
        ...(url.origin === home ? outgoing.secretHeaders : {}),
        'idempotency-key': outgoing.idempotencyKey,
        ...(hop === undefined ? {} : { [HOP_HEADER]: hop }),
      },
      body: outgoing.request.body,
      signal,
    });
    await drain(response);
    const location = response.headers.get('location');
    const followed = (response.status === 307 || response.status === 308) && location !== null && redirects < MAX_REDIRECTS;
    if (!followed) return answerOf(response, options.clock.now());
    url = redirectTarget(URL.parse(location, url.href)?.href ?? location, outgoing.allowedHosts);
  }
}

function redirectTarget(location: string, allowedHosts: readonly string[]): URL {
  try {
    return allowedUrl(location, allowedHosts);
  } catch (error) {
    if (error instanceof HostNotAllowed) throw new HostNotAllowed(`a redirect was not followed: ${error.message}`);
    throw error;
  }
}

/** Reads an answer's body away, so that its connection serves the next request. The status is known: whatever happens here changes nothing. */
async function drain({ body }: Response): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (let bytes = 0; bytes < MAX_DRAINED_BYTES; ) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.length;
    }
    await reader.cancel();
  } catch {
    // The connection broke behind the answer.
  }
}

function answerOf({ status, headers }: Response, now: number): Answer {
  const usedUp = headers.get('x-ratelimit-remaining') === '0';
  const asked = retryAfterMs(headers.get('retry-after'), now) ?? (usedUp ? resetOf(headers, now) : undefined);
  return { kind: 'answered', status, ...(asked === undefined ? {} : { retryAfterMs: asked }), rateLimited: asked !== undefined || usedUp };
}

/** When GitHub's rate limit begins anew, in milliseconds from now. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function resetOf(headers: Headers, now: number): number | undefined {
  const reset = headers.get('x-ratelimit-reset');
  return reset === null || !/^\d+$/.test(reset) ? undefined : Math.max(0, Number(reset) * 1000 - now);
}
