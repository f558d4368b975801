import { WAIT_MS } from '../api/names.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Intake } from './intake.ts';

/** How long a process stays narrow for an event that must run alone: it comes back from the `wait` queue within that time. */
const NARROW_MS = 2 * WAIT_MS;

/** The right to run one event in this process. */
export interface Admission {
  /** Whether nothing else runs, and nothing else will until this run has ended. */
  makeAlone(): boolean;
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
  #alone: object | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes an agent's intake subject to this. */
  join(intake: Intake): void {
    this.#intakes.add(intake);
  }

  leave(intake: Intake): void {
    this.#intakes.delete(intake);
  }

  /** Lets an event run, unless one runs alone. `intake` is that of the event's agent. */
  admit(intake: Intake): Admission | undefined {
    if (this.#alone !== undefined) return undefined;
    const run = {};
    this.#running.add(run);
    return {
      makeAlone: () => {
        this.#narrow(intake);
        if (this.#running.size > 1) return false;
        this.#alone = run;
        return true;
      },
      release: () => {
        this.#running.delete(run);
        if (this.#alone === run) {
          this.#alone = undefined;
          this.#widen();
        }
      },
    };
  }

  /** Leaves one slot open in the whole process, of the agent whose event must run alone, for as long as it may take to come back. */
  #narrow(intake: Intake): void {
    for (const other of this.#intakes) other.limit('alone', other === intake ? 1 : 0);
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(NARROW_MS, () => this.#widen());
  }

  #widen(): void {
    if (this.#alone !== undefined) return;
    this.#timer?.cancel();
    for (const intake of this.#intakes) intake.limit('alone', undefined);
  }
}
