import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { messageOf } from '../lib/errors.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import { USER_AGENT } from '../lib/version.ts';
import type { KubeAccess, TlsMaterial } from './access.ts';

/** A request to the API server. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the server's address. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

/** How connections are made. */
export interface TransportOptions {
  /** HTTP/2 where the server speaks it: all calls and watches then share one connection or two. */
  readonly http2: boolean;
}

/** Connections to the API server that are kept and shared. */
export interface Transport {
  /** Resolves with the answer's head; its body is to be read or destroyed. Rejects with what went wrong on the way, or once `signal` is aborted, which ends the body too. */
  send(request: TransportRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** Ends all connections, and what is under way on them; nothing is sent any more. May be repeated. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** As client-go; below the idle timeouts of cloud load balancers. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** The API server keeps idle connections for 90 s (Go's default for it); a reconciler at rest comes by each 10 s. */
const IDLE_MS = 30_000;
/** A shared connection whose ping is unanswered when the next is due is closed: what is under way on it fails within 20 s. */
const PING_MS = 10_000;

/** One agent for all requests, for as long as the TLS material stays the same; with other material a new one takes over, and the old one ends with its last request. */
export function createTransport(access: KubeAccess, options: TransportOptions): Transport {
  const { origin, pathname } = new URL(access.server);
  const basePath = pathname.replace(/\/$/, '');
  const all = new Set<Dispatcher>();
  let isClosed = false;
  let current: { readonly tls: TlsMaterial; readonly fingerprint: string; readonly agent: Dispatcher } | undefined;

  const agentFor = (tls: TlsMaterial): Dispatcher => {
    if (current?.tls === tls) return current.agent;
    const fingerprint = createHash('sha256').update(JSON.stringify(tls)).digest('base64');
    if (current?.fingerprint === fingerprint) {
      current = { ...current, tls };
      return current.agent;
    }
    if (current !== undefined) retire(current.agent);
    const agent = agentOf(tls, access.proxy, options);
    all.add(agent);
    current = { tls, fingerprint, agent };
    return agent;
  };
  const retire = (agent: Dispatcher): void => {
    agent.close().then(
      () => all.delete(agent),
      () => all.delete(agent),
    );
  };

  return {
    async send({ method, path, contentType, body }, signal) {
      const { tls, headers } = await untilAborted(access.credentials(), signal);
      if (isClosed) throw new Error('this client is closed');
      return agentFor(tls).request({
        origin,
        method,
        path: `${basePath}${path}`,
        headers: {
          accept: 'application/json',
          'user-agent': USER_AGENT,
          ...headers,
          ...(contentType === undefined ? {} : { 'content-type': contentType }),
        },
        ...(body === undefined ? {} : { body }),
        signal,
        // The deadlines are the caller's.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    },
    async close() {
      isClosed = true;
      await Promise.all([...all].map((agent) => agent.destroy()));
      all.clear();
      current = undefined;
    },
  };
}

function agentOf(tls: TlsMaterial, proxy: string | undefined, { http2 }: TransportOptions): Dispatcher {
  const material = {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.insecure ? { rejectUnauthorized: false } : {}),
  };
  const connect = { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS };
  const common = { allowH2: http2, h2Options: { pingInterval: PING_MS }, keepAliveTimeout: IDLE_MS };
  return proxy === undefined
    ? new Agent({ ...common, connect: { ...connect, ...material } })
    : new ProxyAgent({ ...common, uri: proxy, requestTls: { ...connect, ...material } });
}

/** What a failed request says for people: the codes of Node and OpenSSL, since addresses with two families leave the message empty. */
export function whatFailed(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = messageOf(error);
  return message === '' || message.includes(code) ? message || code || 'unknown' : `${message} (${code})`;
}
