import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from './clock.ts';
import { type HttpServer, type ListenOptions, startHttpServer } from './http-server.ts';
import type { Log } from './log.ts';

/** What a process tells about itself. */
export interface Status {
  /** The metrics, as Prometheus scrapes them, where it has any. */
  readonly expose?: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Why the process should get no new work, `undefined` while it should. */
  unready(): string | undefined;
  /** What else it tells, as JSON on `/status`; asked at each request. */
  readonly details?: () => unknown;
}

/**
 * Serves `/healthz` (200 while the process lives), `/readyz` (503 with the reason while it is not ready) and, where there are metrics and details, `/metrics` and `/status`.
 * Throws as `startHttpServer`.
 */
export function startStatusServer(
  status: Status,
  options: ListenOptions & { readonly clock: Clock; readonly log: Log },
): Promise<HttpServer> {
  return startHttpServer((request, response) => void answer(status, options.log, request, response), options);
}

async function answer(status: Status, log: Log, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'only GET is answered here\n');
    return;
  }
  const path = request.url?.split('?', 1)[0];
  if (path === '/healthz') {
    send(response, 200, 'ok\n');
  } else if (path === '/readyz') {
    const reason = status.unready();
    send(response, reason === undefined ? 200 : 503, `${reason ?? 'ok'}\n`);
  } else if (path === '/status' && status.details !== undefined) {
    send(response, 200, `${JSON.stringify(status.details())}\n`, 'application/json');
  } else if (path === '/metrics' && status.expose !== undefined) {
    try {
      const { contentType, text } = await status.expose();
      send(response, 200, text, contentType);
    } catch (error) {
      log.error('metrics could not be collected', { error: String(error) });
      send(response, 500, 'the metrics could not be collected; the log says why\n');
    }
  } else {
    const more = [...(status.expose === undefined ? [] : ['/metrics']), ...(status.details === undefined ? [] : ['/status'])];
    send(response, 404, `there is ${['/healthz', ...more].join(', ')} and /readyz\n`);
  }
}

function send(response: ServerResponse, code: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
