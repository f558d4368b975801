import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '../lib/clock.ts';

/** An answer: a status and a small JSON object. */
export interface Answer {
  readonly code: number;
  readonly body: Readonly<Record<string, string>>;
  readonly headers?: OutgoingHttpHeaders;
}

/** How much of a refused body is read and dropped, so that its sender gets to read the answer. GitHub sends 25 MiB at most. */
const LINGER_BYTES = 32 * 1024 * 1024;

/** How long, at most. */
const LINGER_MS = 10_000;

/** Answers a request whose body was read, or that has none. */
export function respond(response: ServerResponse, answer: Answer): void {
  const text = writeHead(response, answer);
  response.end(text);
}

/**
 * Answers a request whose body is still under way. Closing a connection with bytes unread resets it, and the answer can be lost with it
 * (RFC 9112 section 9.6); so the answer is written in full at once, and the response ends when the body has passed, or the limits are reached.
 */
export function respondEarly(request: IncomingMessage, response: ServerResponse, answer: Answer, clock: Clock): void {
  if (request.complete || !announcesBody(request) || expectsInvitation(request)) {
    respond(response, answer);
    return;
  }
  response.write(writeHead(response, answer));
  let dropped = 0;
  const cut = () => request.destroy();
  const deadline = clock.timer(LINGER_MS, cut);
  request.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > LINGER_BYTES) cut();
  });
  request.once('end', () => response.end());
  request.resume();
  request.once('close', () => deadline.cancel());
}

/** Whether the sender waits for `100 Continue` before it sends its body (RFC 9110 section 10.1.1). */
export function expectsInvitation(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined;
}

function announcesBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

function writeHead(response: ServerResponse, { code, body, headers }: Answer): string {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
  return text;
}
