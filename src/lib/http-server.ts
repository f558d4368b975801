import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from './clock.ts';
import { InputError, messageOf } from './errors.ts';

/** Answers one request. Owns every error: what it throws or rejects with would end the process. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** What one sender may take of the process. */
export interface HttpLimits {
  /** All headers of a request together. */
  readonly maxHeaderBytes: number;
  /** From the first byte of a request, or from the connect, to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept. Longer than the idle timeout of the usual load balancers (60 s), so that they close first. */
  readonly keepAliveTimeoutMs: number;
  /** Connections above this are closed as they come. */
  readonly maxConnections: number;
}

/** Limits that suit small requests from many senders. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  maxConnections: 2_000,
};

/** A server that listens. */
export interface HttpServer {
  readonly host: string;
  /** The port listened on, also where 0 was asked for. */
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
  /** Stops listening and lets requests under way end; after `graceMs` cuts what is left. Never rejects, and may be repeated. */
  close(graceMs: number): Promise<void>;
}

/** How often Node looks for requests past their time limits (its own default of 30 s would triple the limits above). */
const TIMEOUT_CHECK_MS = 1_000;

/** How often a closing server looks for connections that have become idle. */
const SWEEP_MS = 25;

/** Where a server listens. */
export interface ListenOptions {
  /** An address of this machine; without it all of them, by IPv6 and IPv4 where there is IPv6, else by IPv4. */
  readonly host?: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** Starts to listen. Throws `InputError` (`Usage`) where that is not possible. */
export async function startHttpServer(
  handler: HttpHandler,
  options: ListenOptions & { readonly clock: Clock; readonly limits?: HttpLimits },
): Promise<HttpServer> {
  const { clock, limits = DEFAULT_HTTP_LIMITS } = options;
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      noDelay: true,
    },
    handler,
  );
  server.maxConnections = limits.maxConnections;
  // Without this Node would invite a body before the handler has seen that it is too large.
  server.on('checkContinue', handler);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const { address, port } = await listen(server, options);
  const host = options.host ?? address;
  let closed: Promise<void> | undefined;
  return {
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: (graceMs) => {
      closed ??= close(server, sockets, clock, graceMs);
      return closed;
    },
  };
}

function listen(server: Server, { host, port }: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host ?? 'any address', port)));
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address);
      else reject(new Error(`a TCP server has the address ${String(address)}`));
    });
  });
}

function listenError(error: Error, host: string, port: number): InputError {
  const code = 'code' in error ? error.code : undefined;
  const message =
    code === 'EADDRINUSE'
      ? `port ${port} is in use: end the program that listens on it, or choose another port`
      : code === 'EACCES'
        ? `port ${port} needs privileges that this process does not have: choose a port above 1023`
        : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
          ? `${host} is not an address of this machine: choose one that is, e.g. 127.0.0.1`
          : `cannot listen on ${host}:${port}: ${messageOf(error)}`;
  return new InputError('Usage', message, { cause: error });
}

function close(server: Server, sockets: ReadonlySet<Socket>, clock: Clock, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const deadline = clock.timer(graceMs, () => server.closeAllConnections());
    // Node closes idle connections once, when close is called; those that become idle later would stay for the keep-alive time,
    // and those that never sent a byte count as busy.
    const sweep = () => {
      server.closeIdleConnections();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      timer = clock.timer(SWEEP_MS, sweep);
    };
    let timer = clock.timer(0, sweep);
    server.close(() => {
      timer.cancel();
      deadline.cancel();
      resolve();
    });
  });
}
