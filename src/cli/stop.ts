import { constants } from 'node:os';
import { CodedError } from '../lib/errors.ts';

/** Somebody has told the command to stop. */
export class Interrupted extends CodedError<'Interrupted'> {}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

let isHeard = false;
let stop: AbortController | undefined;

/** Has the process end on SIGTERM and SIGINT, which one that is the first of its container does not by itself. */
export function heedSignals(): void {
  if (isHeard) return;
  isHeard = true;
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (stop === undefined || stop.signal.aborted) process.exit(128 + constants.signals[signal]);
      stop.abort(new Interrupted('Interrupted', `told to stop by ${signal}`));
    });
}

/** Aborted by the first of these signals from now on, with `Interrupted`, for a command that has something to finish; the second ends the process. */
export function stopSignal(): AbortSignal {
  heedSignals();
  stop ??= new AbortController();
  return stop.signal;
}
