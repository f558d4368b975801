import { digest } from './names.ts';

/** What a figure counts, where it stands behind it: `250 ms`, `300 tokens`, `120s`. */
const UNIT =
  '(?:%|ms|s|m|h|d|B|[KMG]i?B|(?:milli)?seconds?|minutes?|hours?|days?|bytes?|characters?|tokens?|times?|attempts?|items?|agents?|levels?)';

/**
 * What differs between two errors of one cause, in the order in which it is looked for. A status such as 404 does not differ, nor does a name that ends in a digit or two
 * (`sink2`): they are left.
 */
const VARYING = new RegExp(
  [
    // Quoted values. An apostrophe inside a word opens no quote.
    String.raw`"[^"]*"|“[^”]*”|\x60[^\x60]*\x60|(?<!\w)'[^']*'(?!\w)`,
    // Times: ISO 8601 and RFC 1123.
    String.raw`\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?`,
    String.raw`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?: GMT|\b)`,
    // Digests and UUIDs, whole or in part.
    String.raw`\b(?:0x)?[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]+)*\b`,
    // Figures: what is counted; then addresses, decimals, times of the day.
    String.raw`\b\d+(?:[.,]\d+)* ?${UNIT}(?!\w)`,
    String.raw`\b\d+(?:[.,:/]\d+)+\b`,
    // Ids with a prefix: req_AbCdEfGh.
    String.raw`\b[a-z]+_(?=\w*[A-Z])\w{6,}\b`,
    // All other words with a digit in them.
    String.raw`\b(?![1-5]\d\d\b|[a-z]+\d{1,2}\b)\w*\d\w*\b`,
  ].join('|'),
  'g',
);

/** Twelve hex digits that are the same for errors of one cause and differ otherwise, whatever the ids, figures, times and quoted values in them. */
export function fingerprintOf(reason: string, error: string): string {
  return digest(reason, error.replace(VARYING, '#')).slice(0, 12);
}
