import { CodedError } from '../../lib/errors.ts';

/** The environment variable that has a command say everything in frames, and the value that does. */
export const OUTPUT_VARIABLE = { name: 'EVENTAGENT_OUTPUT', value: 'frames' } as const;

/** A stream of a process. */
export type StreamName = 'out' | 'err';

/** Container runtimes cut longer lines, 16 KiB with all (https://kubernetes.io/docs/concepts/cluster-administration/logging/); this leaves room for what they put before a line. */
const MOST_BYTES = 15 * 1024;

/** Writes what a process says as lines of a log that can be put together again: `[stream, number, text]`, numbered from 0, and at its end `["end", number, exit code]`. */
export interface FrameWriter {
  /** A line that says nothing. */
  begin(): string;
  /** The lines, without their ends, that stand for this text of a stream. */
  text(stream: StreamName, text: string): readonly string[];
  /** The last line. */
  end(exitCode: number): string;
}

/** Frames of a process that has said nothing yet. */
export function createFrameWriter(): FrameWriter {
  let next = 0;
  const frame = (kind: StreamName | 'end', content: string | number) => JSON.stringify([kind, next, content]);
  return {
    begin() {
      const line = frame('out', '');
      next += 1;
      return line;
    },
    text(stream, text) {
      const lines: string[] = [];
      for (let rest = text; rest !== ''; ) {
        let piece = cutAt(rest, MOST_BYTES);
        // A character takes up to six bytes in JSON.
        while (Buffer.byteLength(frame(stream, piece)) > MOST_BYTES) piece = cutAt(piece, piece.length / 2);
        lines.push(frame(stream, piece));
        next += 1;
        rest = rest.slice(piece.length);
      }
      return lines;
    },
    end: (exitCode) => frame('end', exitCode),
  };
}

/** The beginning of a text, at least one character of it, and never half of one. */
function cutAt(text: string, length: number): string {
  const end = Math.max(Math.floor(length), 2);
  return text.slice(0, isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** What a line of the log is: text that is new, the end, one that was read before, or nothing of ours. */
export type FrameRead =
  | { readonly is: 'text'; readonly stream: StreamName; readonly text: string }
  | { readonly is: 'end'; readonly exitCode: number }
  | { readonly is: 'known' }
  | { readonly is: 'foreign' };

/** Lines are missing before this one. */
export class FramesMissing extends CodedError<'FramesMissing'> {}

/** Puts frames together again. A log may be read from its beginning as often as need be: each frame is new once. */
export interface FrameReader {
  /** Takes the next line. Throws `FramesMissing` where one is missing before it. */
  read(line: string): FrameRead;
}

/** A reader that has read nothing yet. */
export function createFrameReader(): FrameReader {
  let next = 0;
  return {
    read(line) {
      const frame = parsed(line);
      if (frame === undefined) return { is: 'foreign' };
      const { number, ...read } = frame;
      if (number < next) return { is: 'known' };
      if (number > next)
        throw new FramesMissing(
          'FramesMissing',
          `its output ${next === 0 ? 'begins with' : `goes from line ${next - 1} to`} line ${number}`,
        );
      next += 1;
      return read;
    },
  };
}

type Frame = { readonly number: number } & Extract<FrameRead, { readonly is: 'text' | 'end' }>;

function parsed(line: string): Frame | undefined {
  if (!line.startsWith('["')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [kind, number, content] = value as readonly unknown[];
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) return undefined;
  if (kind === 'end') return typeof content === 'number' ? { number, is: 'end', exitCode: content } : undefined;
  if ((kind !== 'out' && kind !== 'err') || typeof content !== 'string') return undefined;
  return { number, is: 'text', stream: kind, text: content };
}
