import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Node } from './node.ts';

/** What pods call a server by that listens on the loopback of this machine. Disposing ends their connections. */
export interface Reachable extends AsyncDisposable {
  readonly url: string;
}

/** Lets the pods of a node reach a server on 127.0.0.1, at the same port of the address that they know this machine by. */
export async function reachableFromPods(node: Pick<Node, 'address'>, url: string): Promise<Reachable> {
  const { port } = new URL(url);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // What becomes of one end is told to the other by its closing.
    socket.on('error', () => {});
  };
  const server = createServer((client) => {
    const target = connect(Number(port), '127.0.0.1');
    for (const socket of [client, target]) keep(socket);
    client.pipe(target).pipe(client);
    client.once('close', () => target.destroy());
    target.once('close', () => client.destroy());
  });
  server.listen(Number(port), node.address);
  await once(server, 'listening');
  return {
    // Text, not a URL: setting the host of one whose scheme the standard does not know changes nothing.
    url: url.replace(`127.0.0.1:${port}`, `${node.address}:${port}`),
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
