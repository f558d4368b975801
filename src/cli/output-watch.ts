import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { messageOf } from '../lib/errors.ts';

/** Knows whether what a process says still arrives. */
export interface OutputWatch {
  /** Aborted when the stream takes no more. */
  readonly lost: AbortSignal;
  /** Resolves when what was written so far has arrived or cannot; with what is to be told of it, if anything. A reader that has gone, as `head` does, has seen what it wanted. */
  settled(): Promise<string | undefined>;
}

/** Watches a stream of the process's own. Without that an error of it would end the process with a stack trace. */
export function watchOutput(stream: Writable, name: string): OutputWatch {
  const lost = new AbortController();
  stream.on('error', (error) => lost.abort(error));
  return {
    lost: lost.signal,
    settled: async () => {
      if (!lost.signal.aborted) await new Promise<void>((resolve) => stream.write('', () => setImmediate(resolve)));
      const error: unknown = lost.signal.reason;
      if (error === undefined || (error instanceof Error && 'code' in error && error.code === 'EPIPE')) return undefined;
      return `${name} cannot be written: ${messageOf(error)}: make room, or write elsewhere`;
    },
  };
}

/**
 * Writes lines to a stream of the process's own, in step with whoever reads it: a line is taken when the stream has room for the next. Rejects when `lost` is aborted: nobody
 * takes any more.
 */
export function lineWriter(stream: Writable, lost: AbortSignal): (line: string) => Promise<void> {
  return async (line) => {
    lost.throwIfAborted();
    if (!stream.write(`${line}\n`)) await once(stream, 'drain', { signal: lost });
  };
}
