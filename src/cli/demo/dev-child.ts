import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CodedError } from '../../lib/errors.ts';

/** One line of `dev`'s log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A running `eventagent dev`, seen through its log as a script would see it. */
export interface DevChild {
  /** The first line that matches, from the start of the log on. Rejects with `DemoFailed` when it does not come in time, or the process has ended. */
  line(what: string, matches: (line: LogLine) => boolean, deadlineMs: number): Promise<LogLine>;
  /** Asks it to stop; may be repeated. */
  stop(): void;
  /** Its exit code, `null` where a signal ended it. */
  readonly exit: Promise<number | null>;
}

/** Something that the demo waited for did not happen, or went otherwise. */
export class DemoFailed extends CodedError<'TooLate' | 'DevEnded' | 'WentWrong'> {}

/** The command line beside this file: TypeScript in a checkout, JavaScript in a package. */
const MAIN = fileURLToPath(new URL(`../main${extname(import.meta.filename)}`, import.meta.url));

/** Starts `dev` with a log of JSON lines. The caller stops it; where the caller is killed, it stops by itself. `onLine` is given each line as it comes. */
export function startDevChild(args: readonly string[], onLine: (line: LogLine) => void): DevChild {
  // By the end of the channel it learns that this process has ended, however that was.
  const child = spawn(process.execPath, [MAIN, 'dev', ...args, '--log', 'json'], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const { stdout, stderr: complaints } = child;
  if (stdout === null || complaints === null) throw new Error('a child process has no pipes');
  const lines: LogLine[] = [];
  const watchers = new Set<() => void>();
  let stderr = '';
  let ended = false;
  const changed = () => {
    for (const look of [...watchers]) look();
  };
  createInterface({ input: stdout }).on('line', (text) => {
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    onLine(line);
    changed();
  });
  complaints.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exit = once(child, 'close').then(([code]) => {
    ended = true;
    changed();
    return code as number | null;
  });
  return {
    exit,
    stop: () => void child.kill('SIGTERM'),
    line: (what, matches, deadlineMs) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(matches);
          if (found !== undefined) settle(() => resolve(found));
          else if (ended) settle(() => reject(new DemoFailed('DevEnded', `dev ended while the demo waited for ${what}: ${stderr.trim()}`)));
        };
        const timer = setTimeout(
          () => settle(() => reject(new DemoFailed('TooLate', `the demo waited ${deadlineMs / 1000} s for ${what}, in vain`))),
          deadlineMs,
        );
        const settle = (finish: () => void) => {
          clearTimeout(timer);
          watchers.delete(look);
          finish();
        };
        watchers.add(look);
        look();
      }),
  };
}
