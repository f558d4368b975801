import type { IncomingMessage } from 'node:http';

/** The whole body of a request; `undefined` where the client went away while it sent it, which makes it no request at all. */
export async function bodyOf(message: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return Buffer.concat(await message.toArray());
  } catch (error) {
    if (message.destroyed) return undefined;
    throw error;
  }
}
