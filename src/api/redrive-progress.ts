import type { JobVerdict } from './job-verdict.ts';
import { count, fromJson, listOf, object, optional, type Parse, text, word } from './json-shape.ts';

/** What has become of dead letters so far; of a dry run, what would become of them. */
export interface RedriveCounts {
  /** Messages that were in the queue at the start, and in nobody's hands. */
  readonly depth: number;
  /** Events that were published to run again. */
  readonly redriven: number;
  /** Dead letters whose event is past them. */
  readonly superseded: number;
  /** Further copies of what is counted in the two above. */
  readonly copies: number;
  /** Of the redriven events, those with an output that was sent and whose answer nobody knows. */
  readonly withOpenIntents: number;
  /** Events whose record cannot be read: their dead letters are left. Missing where there are none. */
  readonly unreadable?: UnreadableRecords;
  /** Of the redriven events, how they have ended; missing where nobody has looked. */
  readonly ends?: RedriveEnds;
}

/** Events whose record cannot be read. */
export interface UnreadableRecords {
  readonly events: number;
  /** Ids of the first few of them as people can read them, cut. */
  readonly examples: readonly string[];
}

/** Which events they are, for people. */
export function unreadableText({ events, examples }: UnreadableRecords): string {
  const ids = examples.map((id) => `"${id}"`).join(', ');
  if (events === 1) return `the record of event ${ids} cannot be read`;
  return `the records of ${events} events cannot be read: ${ids}${events > examples.length ? ', …' : ''}`;
}

/** How many of the messages that were there are left where they were. */
export function leftOf({ depth, redriven, superseded, copies }: RedriveCounts): number {
  return depth - redriven - superseded - copies;
}

/** The counts as a sentence for people, without its end. */
export function redriveText(counts: RedriveCounts, dryRun: boolean): string {
  const { depth, redriven, superseded, copies, withOpenIntents, unreadable, ends } = counts;
  const resent = `${withOpenIntents} of them with an output whose answer is not known: it is sent again with the same idempotency key`;
  const parts = [
    `${redriven}${withOpenIntents === 0 ? '' : ` (${resent})`}`,
    `superseded ${superseded}`,
    `further copies ${copies}`,
    `left ${leftOf(counts)}${unreadable === undefined ? '' : ` (${unreadableText(unreadable)})`}`,
  ];
  const ended =
    ends === undefined
      ? ''
      : `; of the redriven, succeeded ${ends.succeeded}, discarded ${ends.discarded}, dead again ${ends.deadAgain}, under way ${ends.underWay}${notFollowedText(ends)}`;
  const messages = `${depth} message${depth === 1 ? '' : 's'}`;
  return `${dryRun ? 'dry run, nothing was changed: of' : 'of'} ${messages} ${dryRun ? 'would be redriven' : 'redriven'} ${parts.join(', ')}${ended}`;
}

function notFollowedText({ notFollowed }: RedriveEnds): string {
  if (notFollowed === undefined) return '';
  return `, not followed ${notFollowed} (the dead letter had no key, so that it was not seen how it ended, and the rate of failures leaves it out: see \`eventagent dlq ls\`)`;
}

/** How redriven events have ended. */
export interface RedriveEnds {
  readonly succeeded: number;
  /** By a rule of the agent: its filter, its TTL. */
  readonly discarded: number;
  readonly deadAgain: number;
  readonly underWay: number;
  /** What nobody can look after, since its key is not known. Missing where there are none. */
  readonly notFollowed?: number;
}

/** Every exit code of a redrive. The Job's pod failure policy is made from this table. */
export const redriveExitCodes = {
  0: { job: 'Complete', help: 'The redrive is complete.' },
  1: {
    job: 'Retry',
    help: 'Broker or store could not be reached in time, the work queue took no more, or a fault of EventAgent itself. The next pod goes on.',
  },
  2: { job: 'Fail', help: 'The environment, the configuration or a connection Secret is missing or malformed.' },
  10: { job: 'Fail', help: 'Too many of the redriven events became dead letters again.' },
  11: { job: 'Fail', help: 'Redriven events did not come to an end.' },
  12: { job: 'Fail', help: 'Records of events could not be read.' },
  143: { job: 'Ignore', help: 'The redrive was told to stop before its end, for example by an eviction. The next pod goes on.' },
} as const satisfies Readonly<Record<number, { readonly job: JobVerdict; readonly help: string }>>;

/** One of the exit codes of a redrive. */
export type RedriveExitCode = keyof typeof redriveExitCodes;

/** How a redrive ends, each with the exit code of its process. */
export const redriveOutcomes = {
  complete: { exitCode: 0, help: 'Every dead letter that was meant is dealt with, or as many as `limit` says.' },
  'failure-rate': { exitCode: 10, help: 'Too many of the redriven events became dead letters again. The others stay where they are.' },
  'no-progress': {
    exitCode: 11,
    help: 'As many redriven events as may be under way at a time have not ended for `outcomeTimeoutSeconds`.',
  },
  'records-unreadable': {
    exitCode: 12,
    help: 'All else that was meant is dealt with, but there are events whose record cannot be read: their dead letters stay where they are.',
  },
} as const satisfies Readonly<Record<string, { readonly exitCode: RedriveExitCode; readonly help: string }>>;

/** How a redrive ends. */
export type RedriveOutcome = keyof typeof redriveOutcomes;

/** What a redrive tells on `/status` while it is at work, and in its last words. */
export interface RedriveProgress {
  readonly counts: RedriveCounts;
  /** Of a dry run, where it is known what runs cost. */
  readonly estimatedCostNanoUsd?: number;
  /** Missing while it is at work. */
  readonly outcome?: RedriveOutcome;
  /** Why it has ended before its time. */
  readonly message?: string;
}

/** Reads the JSON of a redrive's progress. Throws `InputError` (`InvalidResource`). */
export function parseRedriveProgress(json: string): RedriveProgress {
  return fromJson(json, redriveProgress);
}

const ends = object<RedriveEnds>({
  succeeded: count(0),
  discarded: count(0),
  deadAgain: count(0),
  underWay: count(0),
  notFollowed: optional(count(1)),
});

/** Reads counts that are part of something else. */
export const redriveCounts: Parse<RedriveCounts> = object<RedriveCounts>({
  depth: count(0),
  redriven: count(0),
  superseded: count(0),
  copies: count(0),
  withOpenIntents: count(0),
  unreadable: optional(object<UnreadableRecords>({ events: count(1), examples: listOf(text) })),
  ends: optional(ends),
});

const redriveProgress = object<RedriveProgress>({
  counts: redriveCounts,
  estimatedCostNanoUsd: optional(count(0)),
  outcome: optional(word(...(Object.keys(redriveOutcomes) as RedriveOutcome[]))),
  message: optional(text),
});
