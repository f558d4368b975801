import type { RunEnd } from '../../runner/witness.ts';
import type { ExitCode } from '../exit.ts';

/** When a `dev` process ends, and how. */
export interface Ending {
  /** Aborted when somebody wants it to end, also while it starts. */
  readonly stop: AbortSignal;
  /** Resolves when it is to end, for whatever reason. */
  readonly due: Promise<void>;
  /** To be told of each event that is settled. */
  onRunEnd(end: Pick<RunEnd, 'outcome'>): void;
  /** The exit code, once everything has ended. */
  code(): ExitCode;
}

/** Outcomes after which the same event comes again by itself, at once. */
const UNDECIDED: ReadonlySet<RunEnd['outcome']> = new Set(['waiting', 'interrupted']);

/**
 * Ends at the first of `ends`, which are aborted when somebody wants it: exit code 0. With `once` also at the first event that is settled, whichever way:
 * 0 where its run is done, and 1 otherwise, also where somebody wants the end before that.
 */
export function endingOf(once: boolean, ends: readonly AbortSignal[]): Ending {
  const stop = AbortSignal.any([...ends]);
  const { promise: due, resolve } = Promise.withResolvers<void>();
  if (stop.aborted) resolve();
  else stop.addEventListener('abort', () => resolve(), { once: true });
  let first: RunEnd['outcome'] | undefined;
  return {
    stop,
    due,
    onRunEnd({ outcome }) {
      if (!once || UNDECIDED.has(outcome)) return;
      first ??= outcome;
      resolve();
    },
    code: () => (!once || first === 'done' ? 0 : 1),
  };
}

/** Aborted by a signal, and, in a process that another one has started with a channel to it, by the end of that one: nobody else would end it then. */
export function endOfOthers(): AbortSignal {
  const end = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end.abort(new Error(signal)));
  if (process.connected) process.once('disconnect', () => end.abort(new Error('the process that started this one has ended')));
  return end.signal;
}
