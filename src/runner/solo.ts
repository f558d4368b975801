import type { Clock, Timer } from '../lib/clock.ts';
import type { Intake } from './intake.ts';

/** How often it is asked whether an event that was sent away still waits: another process may have taken it. */
const ASK_MS = 30_000;

/** An event that must run alone. */
export interface Candidate {
  /** Names the event among all of this process. */
  readonly id: string;
  /** How long its delivery may be held until nothing else runs. */
  readonly waitMs: number;
  /** Whether nobody has taken it yet; asked after it was sent away. May reject where that cannot be known at the moment. */
  readonly isWaiting: () => Promise<boolean>;
}

/** The right to run one event in this process. */
export interface Admission {
  /**
   * Waits until nothing else runs, and nothing else will until this run has ended. Resolves with `false` where another event already waits for that, or the process does
   * not come to rest in time: the event is to be sent away and comes again. Rejects with the signal's reason.
   */
  alone(candidate: Candidate, signal: AbortSignal): Promise<boolean>;
  release(): void;
}

/**
 * Sees to it that an event whose last run died with its process runs alone in this one, so that it takes no neighbour along
 * if it does it again. One for a whole process, over the runners of all its agents.
 *
 * | state                                                     | takes events               | until                                                  |
 * |-----------------------------------------------------------|----------------------------|--------------------------------------------------------|
 * | an event runs alone, or waits in hand for the others to end | none                       | its run has ended; or the others do not end in time: it is sent away |
 * | an event was sent away, and others run                     | none                       | the others have ended                                  |
 * | an event was sent away, and the process has come to rest   | one at a time              | it has come again, and finds nothing beside it; or somebody else has taken it |
 * | else                                                      | as many as there are slots |                                                        |
 *
 * However long runs take, the event is not kept waiting by those that come behind it.
 */
export class Solo {
  readonly #clock: Clock;
  readonly #intakes = new Set<Intake>();
  readonly #running = new Set<object>();
  /** The run that is alone, or waits to be. */
  #lone: object | undefined;
  /** Those that were sent away and come again, by their ids. */
  readonly #awaited = new Map<string, Candidate>();
  /** Nothing has run at some time since one was sent away. */
  #hasRested = true;
  /** What the intakes were told last. */
  #told: number | undefined;
  #asking: Timer | undefined;
  #idle: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes an agent's intake subject to this. */
  join(intake: Intake): void {
    this.#intakes.add(intake);
    if (this.#told !== undefined) intake.limit('alone', this.#told);
  }

  /** The last one to leave takes everything that is waited for along. */
  leave(intake: Intake): void {
    this.#intakes.delete(intake);
    if (this.#intakes.size > 0) return;
    for (const id of [...this.#awaited.keys()]) this.#forget(id);
    this.#apply();
  }

  /** Lets an event run, unless one runs alone or waits to, or one after the other is to run. */
  admit(): Admission | undefined {
    if (this.#lone !== undefined || (this.#awaited.size > 0 && this.#running.size > 0)) return undefined;
    const run = {};
    this.#running.add(run);
    return {
      alone: (candidate, signal) => this.#alone(run, candidate, signal),
      release: () => {
        this.#running.delete(run);
        if (this.#lone === run) this.#lone = undefined;
        if (this.#running.size === 0) this.#hasRested = true;
        if (this.#lone !== undefined && this.#running.size === 1) this.#idle();
        else this.#apply();
      },
    };
  }

  async #alone(run: object, candidate: Candidate, signal: AbortSignal): Promise<boolean> {
    if (this.#lone === run) return true;
    if (this.#lone !== undefined) return false;
    this.#lone = run;
    this.#forget(candidate.id);
    this.#apply();
    if (this.#running.size === 1) return true;
    const idle = await this.#untilIdle(candidate.waitMs, signal).catch((error: unknown) => {
      this.#lone = undefined;
      this.#apply();
      throw error;
    });
    if (!idle) this.#sendAway(candidate);
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

  #sendAway(candidate: Candidate): void {
    this.#lone = undefined;
    this.#awaited.set(candidate.id, candidate);
    this.#hasRested = false;
    this.#apply();
    if (this.#awaited.size === 1) this.#askLater();
  }

  #forget(id: string): void {
    this.#awaited.delete(id);
    if (this.#awaited.size === 0) this.#asking?.cancel();
  }

  #askLater(): void {
    this.#asking?.cancel();
    this.#asking = this.#clock.timer(ASK_MS, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    for (const [id, candidate] of [...this.#awaited]) {
      const isWaiting = await candidate.isWaiting().catch(() => true);
      if (!isWaiting && this.#awaited.get(id) === candidate) this.#forget(id);
    }
    this.#apply();
    if (this.#awaited.size > 0) this.#askLater();
  }

  #limit(): number | undefined {
    if (this.#lone !== undefined) return 0;
    if (this.#awaited.size === 0) return undefined;
    return this.#hasRested ? 1 : 0;
  }

  #apply(): void {
    const limit = this.#limit();
    if (limit === this.#told) return;
    this.#told = limit;
    for (const intake of this.#intakes) intake.limit('alone', limit);
  }
}
