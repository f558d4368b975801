import type { Writable } from 'node:stream';

/** Where a command writes: lines to standard output and standard error. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
}

/** The terminal that two streams make up. */
export function terminalOn(out: Writable, err: Writable): Terminal {
  return {
    out: (line) => {
      out.write(`${line}\n`);
    },
    err: (line) => {
      err.write(`${line}\n`);
    },
  };
}

/** The process's own. */
export const processTerminal: Terminal = terminalOn(process.stdout, process.stderr);
