import { createServer, type Server } from 'node:net';

/** Ports that are ours until they are released, or until this process ends. */
export interface Ports extends AsyncDisposable {
  readonly numbers: readonly number[];
}

// Below the range that Linux takes the ports of outgoing connections from (32768 on): there a client that knocks on a stopped server's port
// may be given that very port as its own, and the server cannot come back to it.
const FIRST = 20_000;
const LAST = 32_000;

/** Reserves `count` free ports of 127.0.0.1. A reservation is a name in the kernel (an abstract socket): it ends with the process, however that ends. The search begins at `start`. */
export async function reservePorts(count: number, start = FIRST + Math.floor(Math.random() * (LAST - FIRST))): Promise<Ports> {
  const held: { readonly port: number; readonly reservation: Server }[] = [];
  for (let i = 0; held.length < count; i++) {
    if (i >= LAST - FIRST) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
    const port = FIRST + ((start - FIRST + i) % (LAST - FIRST));
    const reservation = await listen({ path: `\0eventagent-test-port-${port}` });
    if (reservation === undefined) continue;
    const probe = await listen({ port, host: '127.0.0.1' });
    await close(probe ?? reservation);
    if (probe !== undefined) held.push({ port, reservation: reservation.unref() });
  }
  return {
    numbers: held.map(({ port }) => port),
    async [Symbol.asyncDispose]() {
      for (const { reservation } of held) await close(reservation);
    },
  };
}

function listen(where: { readonly path: string } | { readonly port: number; readonly host: string }): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen(where, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
