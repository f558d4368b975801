import type { Clock, Timer } from '../lib/clock.ts';
import type { Intake } from './intake.ts';

/** The first pause, and the longest: each failure in a row doubles it. */
const FIRST_MS = 5000;
const LONGEST_MS = 300_000;
/** What a provider asks for is kept up to this; a longer wait is looked at again by then. */
const LONGEST_ASKED_MS = 3_600_000;

/**
 * Stops taking events while something that every event needs is not there: a pause, then one event at a time to try, then all slots again.
 * A failing try makes the next pause twice as long.
 */
export class GrowingPause {
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #reason: 'provider' | 'secret';
  readonly #onChange: (pausedMs: number | undefined) => void;
  #failures = 0;
  #until = 0;
  #timer: Timer | undefined;

  /** `onChange` is told the length of a pause that begins, and `undefined` when a try has succeeded. */
  constructor(clock: Clock, intake: Intake, reason: 'provider' | 'secret', onChange: (pausedMs: number | undefined) => void) {
    this.#clock = clock;
    this.#intake = intake;
    this.#reason = reason;
    this.#onChange = onChange;
  }

  /** It is not there. Failures of runs that began before the pause do not lengthen it. */
  failed(askedMs: number): void {
    const now = this.#clock.now();
    if (now < this.#until) return;
    const pauseMs = Math.max(Math.min(askedMs, LONGEST_ASKED_MS), Math.min(FIRST_MS * 2 ** this.#failures, LONGEST_MS));
    this.#failures += 1;
    this.#until = now + pauseMs;
    this.#intake.limit(this.#reason, 0);
    this.#timer = this.#clock.timer(pauseMs, () => this.#intake.limit(this.#reason, 1));
    this.#onChange(pauseMs);
  }

  /** It is there. What was found out before the pause does not end it. */
  succeeded(): void {
    if (this.#failures === 0 || this.#clock.now() < this.#until) return;
    this.#failures = 0;
    this.#intake.limit(this.#reason, undefined);
    this.#onChange(undefined);
  }

  close(): void {
    this.#timer?.cancel();
  }
}
