import type { Clock, Timer } from '../lib/clock.ts';
import type { Intake } from './intake.ts';

/** The first pause, and the longest: each failure in a row doubles it. */
const FIRST_MS = 5000;
const LONGEST_MS = 300_000;

/**
 * Stops taking events while the model provider refuses them: a pause, then one event at a time to try, then all slots again.
 * A failing try makes the next pause twice as long.
 */
export class ProviderPause {
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #onChange: (pausedMs: number | undefined) => void;
  #failures = 0;
  #until = 0;
  #timer: Timer | undefined;

  /** `onChange` is told the length of a pause that begins, and `undefined` when the provider answers again. */
  constructor(clock: Clock, intake: Intake, onChange: (pausedMs: number | undefined) => void) {
    this.#clock = clock;
    this.#intake = intake;
    this.#onChange = onChange;
  }

  /** The provider refused. Failures of runs that began before the pause do not lengthen it. */
  failed(retryAfterMs: number): void {
    const now = this.#clock.now();
    if (now < this.#until) return;
    const pauseMs = Math.max(retryAfterMs, Math.min(FIRST_MS * 2 ** this.#failures, LONGEST_MS));
    this.#failures += 1;
    this.#until = now + pauseMs;
    this.#intake.limit('provider', 0);
    this.#timer = this.#clock.timer(pauseMs, () => this.#intake.limit('provider', 1));
    this.#onChange(pauseMs);
  }

  /** The provider answered. An answer to a call from before the pause does not end it. */
  succeeded(): void {
    if (this.#failures === 0 || this.#clock.now() < this.#until) return;
    this.#failures = 0;
    this.#intake.limit('provider', undefined);
    this.#onChange(undefined);
  }

  close(): void {
    this.#timer?.cancel();
  }
}
