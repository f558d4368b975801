import type { EventRecord } from '../api/record.ts';

/**
 * A record is written whole at each step, by the one thread that the store has for all agents, to its disk and to its replicas: at 1 MiB that is some milliseconds for each of them. An answer
 * of 128,000 tokens has about half of that; the rendered requests, which hold it again, come on top.
 */
export const MAX_RECORD_BYTES = 1_048_576;

/** JSON makes of one byte six at most: `\u0000`. */
const LONGEST_ESCAPE = 6;

/** What is left of a record that is too large. */
export interface Fitted {
  readonly record: EventRecord;
  /** How large the whole record would have been, where something was left out. */
  readonly wholeBytes?: number;
}

/** The record as it is to be written: without the answer where it would be larger than `MAX_RECORD_BYTES`. What may have been sent stays in it, however large that is. */
export function fittedRecord(record: EventRecord): Fitted {
  const { turn, ...rest } = record;
  if (turn === undefined || contentBytes(record) * LONGEST_ESCAPE <= MAX_RECORD_BYTES) return { record };
  const wholeBytes = Buffer.byteLength(JSON.stringify(record));
  return wholeBytes <= MAX_RECORD_BYTES ? { record } : { record: rest, wholeBytes };
}

/** What can be large in a record, without the length of its JSON: that would have to be made for each write. A thousand bytes stand for the rest. */
function contentBytes({ turn, outputs }: EventRecord): number {
  const requests = Object.values(outputs).map(({ request: { url, headers, body }, sealed = '' }) => {
    return [url, body, sealed, ...Object.entries(headers).flat()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  });
  return [Buffer.byteLength(turn?.text ?? ''), Buffer.byteLength(turn?.sealed ?? ''), ...requests].reduce(
    (sum, bytes) => sum + bytes,
    1000,
  );
}
