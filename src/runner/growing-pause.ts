import type { Clock, Timer } from '../lib/clock.ts';
import type { Intake } from './intake.ts';

/** The first pause, and the longest: each failure in a row doubles it. */
const FIRST_MS = 5000;
const LONGEST_MS = 300_000;
/** What a provider asks for is kept up to this; a longer wait is looked at again by then. */
const LONGEST_ASKED_MS = 3_600_000;

/** One try of what every event needs. Its end is told once; what began before the last failure says nothing of how it is now, and is not heard. */
export interface Try {
  /** It is not there; `askedMs` is how long it wants to be left alone. */
  failed(askedMs: number): void;
  /** It is there. */
  succeeded(): void;
}

/**
 * Stops taking events while something that every event needs is not there: a pause, then one event at a time to try, then all slots again.
 * A failing try makes the next pause twice as long.
 */
export class GrowingPause {
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #onChange: (pausedMs: number | undefined) => void;
  /** In a row. */
  #failures = 0;
  /** Failures so far, whatever came between. */
  #era = 0;
  #timer: Timer | undefined;

  /** `onChange` is told the length of a pause that begins, and `undefined` when a try has succeeded. */
  constructor(clock: Clock, intake: Intake, onChange: (pausedMs: number | undefined) => void) {
    this.#clock = clock;
    this.#intake = intake;
    this.#onChange = onChange;
  }

  /** To be called when a try begins. */
  begin(): Try {
    const era = this.#era;
    return {
      failed: (askedMs) => {
        if (era === this.#era) this.#failed(askedMs);
      },
      succeeded: () => {
        if (era === this.#era) this.#succeeded();
      },
    };
  }

  close(): void {
    this.#timer?.cancel();
  }

  #failed(askedMs: number): void {
    const pauseMs = Math.max(Math.min(askedMs, LONGEST_ASKED_MS), Math.min(FIRST_MS * 2 ** this.#failures, LONGEST_MS));
    this.#failures += 1;
    this.#era += 1;
    this.#intake.limit('secret', 0);
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(pauseMs, () => this.#intake.limit('secret', 1));
    this.#onChange(pauseMs);
  }

  #succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#timer?.cancel();
    this.#intake.limit('secret', undefined);
    this.#onChange(undefined);
  }
}
