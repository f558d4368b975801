import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback: what a test cuts when it wants a network to fail. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Resets every connection through the proxy, at both ends at once. New ones pass. */
  cut(): void;
  /** Drops, from now on, what either end of the present connections says; they stay open. New ones pass. */
  mute(): void;
  /** Leads new connections to another port of 127.0.0.1. */
  leadTo(port: number): void;
}

/** A proxy for a port of 127.0.0.1. */
export async function createTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let leadsTo = targetPort;
  const keep = (socket: Socket) => {
    sockets.add(socket.setNoDelay());
    socket.once('close', () => sockets.delete(socket));
    // What becomes of one end is told to the other by its closing.
    socket.on('error', () => {});
    return socket;
  };
  const server = createServer((client) => {
    const target = keep(connect(leadsTo, '127.0.0.1'));
    keep(client).pipe(target).pipe(client);
    client.once('close', () => target.destroy());
    target.once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mute: () => {
      for (const socket of sockets) socket.unpipe().resume();
    },
    leadTo: (port) => {
      leadsTo = port;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
