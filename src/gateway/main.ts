import { type HttpLimits, type ListenOptions, startHttpServer } from '../lib/http-server.ts';
import { GatewayApp, type GatewayParts } from './app.ts';

/** A gateway that listens. */
export interface Gateway {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
  /** Why senders should be led elsewhere; `undefined` while they should not. A missing broker is no reason: senders are told to come again. */
  unready(): string | undefined;
  /**
   * Stops: new requests get 503, those under way are finished and their confirms awaited, for `graceMs` (default 10 s) at most.
   * The broker connection stays open, it is the caller's. Never rejects, and may be repeated.
   */
  close(graceMs?: number): Promise<void>;
}

/** A little more than the longest wait for a confirm, so that it ends by itself. */
const GRACE_MS = 10_000;

/** Starts the gateway of one namespace. Throws `InputError`: `Usage` where it cannot listen, `PathTaken` where two routes have one path. */
export async function startGateway(options: GatewayParts & ListenOptions & { readonly limits?: HttpLimits }): Promise<Gateway> {
  const app = new GatewayApp(options);
  const server = await startHttpServer(app.handle, options);
  let closed: Promise<void> | undefined;
  return {
    host: server.host,
    port: server.port,
    url: server.url,
    unready: () => (closed === undefined ? undefined : 'shutting down'),
    close(graceMs = GRACE_MS) {
      app.drain();
      closed ??= server.close(graceMs).then(() => app.close());
      return closed;
    },
  };
}
