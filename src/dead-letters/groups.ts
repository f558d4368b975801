import { type DeadLetter, deadSince, letterIdentity } from '../api/dead-letter.ts';
import type { Message } from '../api/message.ts';
import { shownId } from './shown-id.ts';

/** Dead letters of one cause. Times in milliseconds since the epoch, missing where nobody knows one. */
export interface LetterGroup {
  readonly fingerprint: string;
  readonly reason: string;
  readonly count: number;
  readonly firstAt?: number;
  readonly lastAt?: number;
  /** What one of them is called, the last where that is known. */
  readonly exampleId: string;
  /** What that one says. */
  readonly error: string;
}

/** Tells copies of one dead letter from other ones, by what it has been shown. Keeps about 100 bytes of each. */
export class Folding {
  readonly #seen = new Set<string>();

  /** Whether the same dead letter was there before. */
  isCopy(letter: DeadLetter): boolean {
    const identity = letterIdentity(letter);
    if (identity === undefined) return false;
    if (this.#seen.has(identity)) return true;
    this.#seen.add(identity);
    return false;
  }
}

/** Sorts dead letters by cause as they stream by. */
export class Grouping {
  readonly #groups = new Map<string, LetterGroup>();

  add(letter: DeadLetter, content: Message): void {
    const { fingerprint, reason } = letter;
    const group = this.#groups.get(fingerprint);
    const at = deadSince(letter);
    const isLast = group === undefined || (at !== undefined && at >= (group.lastAt ?? Number.NEGATIVE_INFINITY));
    const exampleId = isLast ? shownId(letter, content) : group.exampleId;
    const firstAt = outermost(Math.min, group?.firstAt, at);
    const lastAt = outermost(Math.max, group?.lastAt, at);
    this.#groups.set(fingerprint, {
      fingerprint,
      reason,
      count: (group?.count ?? 0) + 1,
      ...(firstAt === undefined ? {} : { firstAt }),
      ...(lastAt === undefined ? {} : { lastAt }),
      exampleId,
      error: isLast ? letter.error : group.error,
    });
  }

  /** The groups, the largest first. */
  groups(): readonly LetterGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count || (a.fingerprint < b.fingerprint ? -1 : 1));
  }
}

function outermost(of: (...values: number[]) => number, a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : of(a, b);
}
