import { constants } from 'node:os';
import { TERMINATION_LOG, verdictOn, writeTermination } from './termination.ts';

/** What the work of a process gets to know of the process. */
export interface ProcessLife {
  /** Aborted by the first SIGTERM or SIGINT: finish what is under way and return. */
  readonly stop: AbortSignal;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs the work of a process of ours to its end, and ends the process with it. Never returns.
 * - The work is to return when it is done, or when it has come to its end after `stop`: exit code 0.
 * - Where it rejects, and where an error is thrown that nobody catches: one line on standard error, the same in the termination log (`EVENTAGENT_TERMINATION_LOG`),
 *   exit code 2 for an `InputError`, 1 for a `Termination` and all else; only a fault of ours has a stack, too. Nothing is waited for then.
 * - A second signal ends it at once, with 128 and the signal's number. Node's own handling would not do: as the first process of a container a process has no default for signals.
 */
export async function runProcess(name: string, environment: NodeJS.ProcessEnv, work: (life: ProcessLife) => Promise<void>): Promise<never> {
  const fail = (error: unknown): never => {
    const { reason, message, exitCode, stack } = verdictOn(error);
    process.stderr.write(`eventagent ${name}: ${message}\n`);
    if (stack !== undefined) process.stderr.write(`This is a fault of eventagent itself; the next lines help to find it.\n${stack}\n`);
    writeTermination(environment.EVENTAGENT_TERMINATION_LOG || TERMINATION_LOG, { reason, message });
    process.exit(exitCode);
  };
  const stop = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
      stop.abort(new Error(`the process was told to stop (${signal})`));
    });
  }
  process.on('uncaughtException', fail);
  try {
    await work({ stop: stop.signal });
  } catch (error) {
    fail(error);
  }
  process.exit(0);
}

/** Resolves when a signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
