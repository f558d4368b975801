import type { Clock, Timer } from '../lib/clock.ts';

/** A leadership that ends by itself when it is not renewed. */
export class Term {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #onEnd: (reason: unknown) => void;
  readonly #ended = new AbortController();
  #renewedAt: number;
  #timer: Timer | undefined;

  /** `renewedAt`: when the request began that made it. */
  constructor(clock: Clock, deadlineMs: number, renewedAt: number, onEnd: (reason: unknown) => void) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#renewedAt = renewedAt;
    this.#onEnd = onEnd;
    this.#arm();
  }

  /** Is aborted when it has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether it still lasts, by the clock of this moment; ends it where its time is up. */
  holds(): boolean {
    if (this.#ended.signal.aborted) return false;
    if (this.#leftMs() > 0) return true;
    this.end(new Error(`the lease could not be renewed for ${this.#deadlineMs} ms`));
    return false;
  }

  /** `false`: it has ended before. `renewedAt`: when the request began, since others may count from any moment after that. */
  renew(renewedAt: number): boolean {
    if (!this.holds()) return false;
    this.#renewedAt = renewedAt;
    this.#arm();
    return true;
  }

  /** Ends it, if it still lasts. */
  end(reason: unknown): void {
    this.#timer?.cancel();
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(reason);
    this.#onEnd(reason);
  }

  #leftMs(): number {
    return this.#renewedAt + this.#deadlineMs - this.#clock.now();
  }

  #arm(): void {
    this.#timer?.cancel();
    // A timer may come a little early by another clock.
    this.#timer = this.#clock.timer(Math.max(this.#leftMs(), 0), () => {
      if (this.holds()) this.#arm();
    });
  }
}
