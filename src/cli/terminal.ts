/** Where a command writes: lines to standard output and standard error. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
}

/** The process's own. */
export const processTerminal: Terminal = {
  out: (line) => {
    process.stdout.write(`${line}\n`);
  },
  err: (line) => {
    process.stderr.write(`${line}\n`);
  },
};
