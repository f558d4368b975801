import type { IncomingMessage } from 'node:http';

/** How many bytes of bodies the process may hold at a time, over all requests. Owned by one gateway. */
export interface ByteBudget {
  /** Takes `bytes`, or nothing where they do not fit. */
  take(bytes: number): boolean;
  /** Takes `bytes` that are held already, whether they fit or not. */
  hold(bytes: number): void;
  give(bytes: number): void;
}

/** A budget of `maxBytes`. */
export function createByteBudget(maxBytes: number): ByteBudget {
  let free = maxBytes;
  return {
    take(bytes) {
      if (bytes > free) return false;
      free -= bytes;
      return true;
    },
    hold(bytes) {
      free -= bytes;
    },
    give(bytes) {
      free += bytes;
    },
  };
}

/** A body in full, or why there is none. The reader gives its bytes back to the budget itself unless it hands a body over. */
export type BodyOutcome = Buffer | 'too_large' | 'overloaded' | 'aborted';

/**
 * Reads a body and shows each chunk to `onChunk` as it arrives. A body that came in one piece is that piece; any other is copied once.
 * Whoever gets a body gives `body.length` back to the budget when done with it.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: ByteBudget,
  onChunk: (chunk: Buffer) => void,
): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (outcome: BodyOutcome) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      if (!Buffer.isBuffer(outcome)) budget.give(length);
      resolve(outcome);
    };
    const onData = (chunk: Buffer) => {
      if (length + chunk.length > maxBytes) return finish('too_large');
      if (!budget.take(chunk.length)) return finish('overloaded');
      length += chunk.length;
      chunks.push(chunk);
      onChunk(chunk);
    };
    const onEnd = () => {
      const [first] = chunks;
      finish(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, length));
    };
    const onClose = () => finish('aborted');
    request.on('data', onData).once('end', onEnd).once('close', onClose);
  });
}
