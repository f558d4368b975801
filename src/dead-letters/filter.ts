import { type DeadLetter, deadSince, type LetterFilter } from '../api/dead-letter.ts';

/** Whether a dead letter is meant. One that nobody knows the age of is neither older nor newer than anything. */
export function isMeant(letter: DeadLetter, filter: LetterFilter, now: number): boolean {
  const { reason, fingerprint, type, olderThanMs, newerThanMs } = filter;
  const since = deadSince(letter);
  const ageMs = since === undefined ? Number.NaN : now - since;
  return (
    (reason === undefined || letter.reason === reason) &&
    (fingerprint === undefined || letter.fingerprint === fingerprint) &&
    (type === undefined || letter.envelope.attributes.type === type) &&
    (olderThanMs === undefined || ageMs > olderThanMs) &&
    (newerThanMs === undefined || ageMs < newerThanMs)
  );
}
