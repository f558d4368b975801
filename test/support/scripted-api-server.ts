import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeAccess, TlsMaterial } from '../../src/kube/access.ts';
import { loopbackCertificate } from './loopback-certificate.ts';
import { bodyOf } from './request-body.ts';

/** A request that the server has received. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  /** Parsed, where there is one. */
  readonly body: unknown;
}

/** Answers one request; it may leave it open. */
export type ApiScript = (request: ApiRequest, response: ServerResponse) => void;

/** A server on the loopback that stands in for the API server where a test scripts what that says. */
export interface ScriptedApiServer extends AsyncDisposable {
  readonly access: KubeAccess;
  readonly requests: readonly ApiRequest[];
  /** How many connections were made. */
  connections(): number;
  /** How often the client asked for its credentials to be looked at anew. */
  refusals(): number;
  /** Replaces the script. */
  script(next: ApiScript): void;
  /** Has the client verify the server by something else from now on; for a server with TLS. */
  trust(tls: TlsMaterial): void;
}

/** Starts a server; `tls`: with the certificate for the loopback. */
export async function startScriptedApiServer(script: ApiScript, options: { readonly tls?: boolean } = {}): Promise<ScriptedApiServer> {
  const requests: ApiRequest[] = [];
  let [answer, connections, refusals] = [script, 0, 0];
  let tls: TlsMaterial = options.tls ? { ca: loopbackCertificate.cert } : {};
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const body = await bodyOf(request);
    if (body === undefined) return;
    const received = {
      method: request.method ?? '',
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body: body.length === 0 ? undefined : (JSON.parse(body.toString()) as unknown),
    };
    requests.push(received);
    answer(received, response);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => void listener(request, response);
  const server = options.tls ? createTlsServer(loopbackCertificate, onRequest) : createServer(onRequest);
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    access: {
      server: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
      namespace: 'default',
      credentials: async () => ({ tls, headers: { authorization: 'Bearer secret-token' } }),
      refused: () => {
        refusals += 1;
      },
    },
    requests,
    connections: () => connections,
    refusals: () => refusals,
    script: (next) => {
      answer = next;
    },
    trust: (next) => {
      tls = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A Status as the API server writes it. */
export function statusOf(code: number, reason: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}
