import type { Clock } from '../lib/clock.ts';

/** What it needs. */
export interface LastingPauseParts {
  readonly clock: Clock;
  /** As of `GateParts`. */
  readonly notePause: (fromMs: number, untilMs: number) => void;
  /** A pause that begins so soon after the end of the last one goes on with it, the time between included. */
  readonly gapMs: number;
}

/** Notes pauses that follow each other as one that grows, which is one entry in the store however long it lasts. */
export class LastingPause {
  readonly #parts: LastingPauseParts;
  #from = 0;
  #until = Number.NEGATIVE_INFINITY;

  constructor(parts: LastingPauseParts) {
    this.#parts = parts;
  }

  /** How long it lasts from now on, as far as it is noted; less than nothing where it is over. */
  get leftMs(): number {
    return this.#until - this.#parts.clock.now();
  }

  /** There is a pause from now on, for that long. */
  forMs(ms: number): void {
    const now = this.#parts.clock.now();
    if (now > this.#until + this.#parts.gapMs) this.#from = now;
    this.#until = Math.max(this.#until, now + ms);
    this.#parts.notePause(this.#from, this.#until);
  }
}
