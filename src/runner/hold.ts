import { HOLD_MARGIN_MS, longestHoldMs } from '../api/hold-times.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { follow } from '../lib/follow.ts';

/** What was thrown where a delivery can be held no longer: what is recorded stands, and the event is not to blame. */
export class HoldEnded extends Error {}

/**
 * How long one delivery is held. When that is over its channel is closed, and the broker delivers it again, which counts against the delivery limit of its queue: the last resort.
 *
 * | what the delivery is held for                                  | until                                                                             |
 * |----------------------------------------------------------------|-----------------------------------------------------------------------------------|
 * | its run, and what is published when that has ended              | the run timeout and 2 minutes after it came, or after the run could begin (`restart`) |
 * | nothing but a publish that the broker does not take (`stretch`) | 29 minutes after it came, or run timeout and 4 minutes: soon the broker would take it |
 * | another run in place, since its return is not taken (`restart`) | as the first row, if that is over within the time of the second                       |
 *
 * So a run that hangs gives its event back soon, one whose end the broker does not take costs one of its 100 deliveries in 29 minutes or more, and no delivery is ever
 * held past the consumer timeout. Owned by one life; ends with `close`.
 */
export class Hold {
  readonly #clock: Clock;
  readonly #runMs: number;
  readonly #longestMs: number;
  readonly #cameAt: number;
  readonly #over = new AbortController();
  readonly #unfollow: () => void;
  #timer: Timer;

  /** Begins when the delivery has come. `kill` ends it early. */
  constructor(clock: Clock, runTimeoutMs: number, kill: AbortSignal) {
    this.#clock = clock;
    this.#runMs = runTimeoutMs + HOLD_MARGIN_MS;
    this.#longestMs = longestHoldMs(runTimeoutMs);
    this.#cameAt = clock.now();
    this.#unfollow = follow(kill, this.#over);
    this.#timer = this.#endIn(this.#runMs);
  }

  /** Aborted with `HoldEnded` when it is over. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** How much of the time would be left after a whole run from now on; less than nothing where there is no time for one. */
  get spareMs(): number {
    return this.#cameAt + this.#longestMs - this.#clock.now() - this.#runMs;
  }

  /** Gives a run that begins now all its time. `false`: there is not enough left, and nothing is changed. */
  restart(): boolean {
    if (this.spareMs < 0) return false;
    this.#timer.cancel();
    this.#timer = this.#endIn(this.#runMs);
    return true;
  }

  /** Nothing runs any more, and only the broker is waited for. */
  stretch(): void {
    this.#timer.cancel();
    this.#timer = this.#endIn(this.#cameAt + this.#longestMs - this.#clock.now());
  }

  close(): void {
    this.#timer.cancel();
    this.#unfollow();
  }

  #endIn(delayMs: number): Timer {
    return this.#clock.timer(delayMs, () => {
      const heldSeconds = Math.round((this.#clock.now() - this.#cameAt) / 1000);
      this.#over.abort(new HoldEnded(`the delivery was held for ${heldSeconds} s without coming to an end`));
    });
  }
}
