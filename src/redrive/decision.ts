import { type DeadLetter, type Redriven, recordKeyOf } from '../api/dead-letter.ts';
import type { EventRecord } from '../api/record.ts';

/** What to do with a dead letter that is to be run again. */
export type RedriveDecision =
  /** Publish its event once more. `openIntents`: outputs that were sent and whose answer nobody knows; they are sent again, with the same idempotency key. */
  | { readonly do: 'publish'; readonly next: Redriven; readonly openIntents: number }
  /** The event is past this dead letter: take it away. */
  | { readonly do: 'drop' };

/**
 * The table of redriving: the first row that matches decides. `record` is what the store has under `recordKeyOf`.
 *
 * | the record                                        | then                                                                              |
 * |---------------------------------------------------|-----------------------------------------------------------------------------------|
 * | of a higher gen; or of the letter's gen and `done` | drop: superseded                                                                  |
 * | absent, and the letter carries no key              | publish the same gen: a record under a key that only its agent can tell decides then |
 * | else                                               | publish the next gen                                                              |
 */
export function redriveDecision(letter: DeadLetter, record: EventRecord | undefined): RedriveDecision {
  const { gen, key } = letter.envelope.progress;
  if (record !== undefined && (record.gen > gen || (record.gen === gen && record.phase === 'done'))) return { do: 'drop' };
  const known = key ?? (record === undefined ? undefined : recordKeyOf(letter));
  const openIntents = Object.values(record?.outputs ?? {}).filter(({ state }) => state === 'intent').length;
  return { do: 'publish', openIntents, next: known === undefined ? { gen } : { gen: gen + 1, key: known } };
}
