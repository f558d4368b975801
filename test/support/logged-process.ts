import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bareEnvironment } from './bare-environment.ts';
import { createWatchable } from './until.ts';

/** One JSON line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A process of ours whose log is JSON lines on standard output. */
export interface LoggedProcess extends AsyncDisposable {
  readonly pid: number;
  lines(): readonly LogLine[];
  /** Everything on standard error. */
  stderr(): string;
  /** Waits until a condition on the lines holds, or the process has ended; rejects after `timeoutMs`. */
  until(what: string, condition: (lines: readonly LogLine[]) => boolean, timeoutMs?: number): Promise<void>;
  hasEnded(): boolean;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** The exit code, once it has ended; `null` after a signal that it did not handle. */
  readonly exit: Promise<number | null>;
}

/** Starts Node with these arguments and no more of this process's environment than every test gives. It is killed when it is disposed of. */
export function startLogged(args: readonly string[], environment: NodeJS.ProcessEnv): LoggedProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: bareEnvironment(environment) });
  const lines: LogLine[] = [];
  const watchable = createWatchable();
  let stderr = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => JSON.parse(line) as LogLine));
    watchable.changed();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  let ended = false;
  const exit = once(child, 'close').then(([code]) => {
    ended = true;
    watchable.changed();
    return code as number | null;
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await exit;
  };
  return {
    pid: child.pid ?? 0,
    lines: () => lines,
    stderr: () => stderr,
    until: (what, condition, timeoutMs) => watchable.until(what, () => ended || condition(lines), timeoutMs),
    hasEnded: () => ended,
    kill,
    signal: (name) => void child.kill(name),
    exit,
    [Symbol.asyncDispose]: kill,
  };
}
