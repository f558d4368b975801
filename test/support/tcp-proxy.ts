import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** A TCP proxy on loopback: what a test cuts when it wants a network to fail. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Resets every connection through the proxy, at both ends at once. New ones pass. */
  cut(): void;
  /** Drops, from now on, what either end of the present connections says, or the server alone; they stay open. New ones pass. */
  mute(who?: 'both' | 'server'): void;
  /** From now on nothing that either end says or does reaches the other, its closing included; new connections come about, and hear nothing. `heal` lets all of it through, in order, as a network does that repeats what was lost. */
  swallow(): void;
  heal(): void;
  /** Keeps what the clients of the present connections say from now on. What is returned delivers it, whatever has become of them: a network that has had it all along. New connections pass. */
  holdUp(): () => void;
  /** Drops what a client says from the first place on that `find` gives in what it has just said (-1: in none), on each connection, now and later. */
  muteClientFrom(find: (said: Buffer) => number): void;
  /** Holds up whatever is said, each way, by so much for each piece; 0: not any more. */
  slow(delayMs: number): void;
  /** Leads new connections to another port of 127.0.0.1. */
  leadTo(port: number): void;
}

/** What is done to what one end says. */
interface Passage {
  muted: boolean;
  /** Until then what is said is kept. */
  held?: Promise<void>;
}

/** A proxy for a port of 127.0.0.1. */
export async function createTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const passages = new Set<Passage & { readonly from: 'client' | 'server' }>();
  let leadsTo = targetPort;
  let delayMs = 0;
  let hole: PromiseWithResolvers<void> | undefined;
  /** Done at once, or when what is between the ends lets things through again. */
  const whenOpen = (then: () => void) => {
    if (hole === undefined) then();
    else void hole.promise.then(then);
  };
  let find: ((said: Buffer) => number) | undefined;
  const keep = (socket: Socket) => {
    sockets.add(socket.setNoDelay());
    socket.once('close', () => sockets.delete(socket));
    // What becomes of one end is told to the other by its closing.
    socket.on('error', () => {});
    return socket;
  };
  const lead = (from: 'client' | 'server', source: Socket, target: Socket) => {
    const passage: Passage & { readonly from: 'client' | 'server' } = { from, muted: false };
    passages.add(passage);
    source.once('close', () => passages.delete(passage));
    const pass = (said: Buffer): Buffer | undefined => {
      if (passage.muted) return undefined;
      const end = from === 'client' ? (find?.(said) ?? -1) : -1;
      passage.muted = end >= 0;
      return end >= 0 ? said.subarray(0, end) : said;
    };
    const transform = new Transform({
      transform: (said: Buffer, _encoding, done) => {
        const { held } = passage;
        if (held !== undefined) void held.then(() => done(null, said));
        else
          whenOpen(() => {
            if (delayMs === 0) done(null, pass(said));
            else setTimeout(() => done(null, pass(said)), delayMs).unref();
          });
      },
      flush: (done) => whenOpen(done),
    });
    source.pipe(transform).pipe(target);
    return passage;
  };
  const server = createServer((client) => {
    const target = keep(connect(leadsTo, '127.0.0.1'));
    keep(client);
    const passage = lead('client', client, target);
    lead('server', target, client);
    client.once('close', () => {
      if (passage.held === undefined) whenOpen(() => target.destroy());
    });
    target.once('close', () => whenOpen(() => client.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const heal = () => {
    hole?.resolve();
    hole = undefined;
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mute: (who = 'both') => {
      for (const passage of passages) if (who === 'both' || passage.from === who) passage.muted = true;
    },
    swallow: () => {
      hole ??= Promise.withResolvers<void>();
    },
    heal,
    holdUp: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      for (const passage of passages) if (passage.from === 'client') passage.held = promise;
      return resolve;
    },
    muteClientFrom: (place) => {
      find = place;
    },
    slow: (ms) => {
      delayMs = ms;
    },
    leadTo: (port) => {
      leadsTo = port;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      heal();
      cut();
      await once(server, 'close');
    },
  };
}
