import type { JobVerdict } from './job-verdict.ts';

/** Every exit code of a tick. The CronJob's pod failure policy is made from this table. */
export const tickExitCodes = {
  0: { job: 'Complete', help: 'The run has ended well.' },
  1: { job: 'Retry', help: 'Broker or store could not be reached in time, or a fault of EventAgent itself; nothing is known of the run.' },
  2: { job: 'Fail', help: 'The environment, the configuration or a connection Secret is missing or malformed.' },
  10: { job: 'Fail', help: 'The event of the run became a dead letter.' },
  11: { job: 'Fail', help: 'The run was not begun before the next one was due, and will not be.' },
  12: { job: 'Fail', help: 'No run was begun, since the one before has not ended.' },
  143: {
    job: 'Ignore',
    help: 'The tick was told to stop before the run had ended, for example by an eviction. The next pod goes on waiting.',
  },
} as const satisfies Readonly<Record<number, { readonly job: JobVerdict; readonly help: string }>>;

/** One of the exit codes of a tick. */
export type TickExitCode = keyof typeof tickExitCodes;

/** How a run of a schedule ends, each with the exit code of its tick. */
export const tickOutcomes = {
  done: { exitCode: 0, help: 'The agent has run, and every output is delivered.' },
  filtered: { exitCode: 0, help: "The agent's filter did not want the event." },
  stale: { exitCode: 0, help: "The event waited longer than the agent's eventTtlSeconds before its run would have begun." },
  dead: { exitCode: 10, help: 'The event became a dead letter; the reason is one of the dead-letter reasons.' },
  expired: { exitCode: 11, help: 'The run was not begun before the next one was due, and will not be.' },
  skipped: { exitCode: 12, help: 'No run was begun, since the one before has not ended; the reason is `PreviousRunUnfinished`.' },
} as const satisfies Readonly<Record<string, { readonly exitCode: TickExitCode; readonly help: string }>>;

/** How a run of a schedule ends. */
export type TickOutcome = keyof typeof tickOutcomes;
