import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { TLSSocket } from 'node:tls';

/** A request got no answer. */
export class FetchFailed extends Error {
  /** Whether the connection stood, so that something of the request may have arrived. Without one, nothing has. */
  readonly connected: boolean;

  constructor(cause: unknown, connected: boolean) {
    super('no answer', { cause });
    this.connected = connected;
  }
}

/**
 * `fetch` on Node's own HTTP client, for requests with a text as their body. Other than the global one it can tell a request that was never sent
 * from one that was, needs less memory for a call under way, has no timers of its own, and follows no redirect: a prompt
 * is not to travel to an address that nobody wrote down. Rejects with `FetchFailed`.
 */
export function httpFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const { method = 'GET', headers, body, signal } = init;
  if (typeof body !== 'string') return Promise.reject(new TypeError('the body of the request is no text'));
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let connected = false;
  const client = url.protocol === 'https:' ? https : http;
  const request = client.request(url, {
    method,
    headers: { ...Object.fromEntries(new Headers(headers)), 'content-length': Buffer.byteLength(body) },
    ...(signal ? { signal } : {}),
  });
  request.once('socket', (socket) => {
    if (request.reusedSocket || !socket.connecting) {
      connected = true;
      return;
    }
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      connected = true;
    });
  });
  request.once('response', (message) => {
    try {
      resolve(responseOf(message));
    } catch (error) {
      // A status that no answer may have.
      request.destroy(error instanceof Error ? error : undefined);
    }
  });
  request.on('error', (error) => reject(new FetchFailed(error, connected)));
  request.end(body);
  return promise;
}

/** Statuses whose answers have no body. https://fetch.spec.whatwg.org/#null-body-status */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function responseOf(message: IncomingMessage): Response {
  const status = message.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct)) for (const value of values) headers.append(name, value);
  if (!NO_BODY.has(status)) return new Response(bodyOf(message), { status, headers });
  message.resume();
  return new Response(null, { status, headers });
}

/** The body as it is read; nothing is taken off the connection ahead of the reader. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Buffer> = message[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      // Not the iterator's own end, which would wait for the next chunk.
      cancel: () => void message.destroy(),
    },
    { highWaterMark: 0 },
  );
}
