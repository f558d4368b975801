import type { Clock } from '../lib/clock.ts';
import type { Intake } from './intake.ts';

/** The right to run one event in this process. */
export interface Admission {
  /**
   * Waits until nothing else runs, and nothing else will until this run has ended. Resolves with `false` where another event
   * already waits for that, or the process does not come to rest within `waitMs`. Rejects with the signal's reason.
   */
  alone(waitMs: number, signal: AbortSignal): Promise<boolean>;
  release(): void;
}

/**
 * Sees to it that an event whose last run died with its process runs alone in this one, so that it takes no neighbour along
 * if it does it again. One for a whole process, over the runners of all its agents.
 */
export class Solo {
  readonly #clock: Clock;
  readonly #intakes = new Set<Intake>();
  readonly #running = new Set<object>();
  /** The run that is alone, or waits to be. */
  #lone: object | undefined;
  #idle: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes an agent's intake subject to this. */
  join(intake: Intake): void {
    this.#intakes.add(intake);
    if (this.#lone !== undefined) intake.limit('alone', 0);
  }

  leave(intake: Intake): void {
    this.#intakes.delete(intake);
  }

  /** Lets an event run, unless one runs alone or waits to. */
  admit(): Admission | undefined {
    if (this.#lone !== undefined) return undefined;
    const run = {};
    this.#running.add(run);
    return {
      alone: (waitMs, signal) => this.#alone(run, waitMs, signal),
      release: () => {
        this.#running.delete(run);
        if (this.#lone === run) this.#open();
        else if (this.#running.size === 1) this.#idle();
      },
    };
  }

  async #alone(run: object, waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.#lone === run) return true;
    if (this.#lone !== undefined) return false;
    this.#lone = run;
    for (const intake of this.#intakes) intake.limit('alone', 0);
    if (this.#running.size === 1) return true;
    const idle = await this.#untilIdle(waitMs, signal).catch((error: unknown) => {
      this.#open();
      throw error;
    });
    if (!idle) this.#open();
    return idle;
  }

  #untilIdle(waitMs: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const timer = this.#clock.timer(waitMs, () => resolve(false));
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#idle = () => resolve(true);
    return promise.finally(() => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      this.#idle = () => {};
    });
  }

  #open(): void {
    this.#lone = undefined;
    for (const intake of this.#intakes) intake.limit('alone', undefined);
  }
}
