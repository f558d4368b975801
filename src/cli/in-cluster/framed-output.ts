import { Writable } from 'node:stream';
import { createFrameWriter, type StreamName } from './frames.ts';

/** Both streams of a process, in frames. */
export interface FramedOutput {
  readonly out: Writable;
  readonly err: Writable;
  /** Writes the last frame, after all that was written before. Nothing is to be written after it. */
  end(exitCode: number): Promise<void>;
}

/** Says in frames on `stream`, in step with whoever reads that, what is written to two streams of text. The first frame comes at once, so that a reader knows that there will be more. */
export function framedOutput(stream: Writable): FramedOutput {
  const frames = createFrameWriter();
  const framed = (name: StreamName) =>
    new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, done) {
        const lines = frames.text(name, String(chunk));
        stream.write(lines.map((line) => `${line}\n`).join(''), done);
      },
    });
  stream.write(`${frames.begin()}\n`);
  const streams = { out: framed('out'), err: framed('err') };
  const isWritten = (writable: Writable, text: string) => new Promise<void>((resolve) => writable.write(text, () => resolve()));
  return {
    ...streams,
    end: async (exitCode) => {
      for (const each of Object.values(streams)) await isWritten(each, '');
      await isWritten(stream, `${frames.end(exitCode)}\n`);
    },
  };
}
