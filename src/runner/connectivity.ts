import type { Log } from '../lib/log.ts';

/** Knows how many channels of a runner take events, and tells when none can and when one can again. */
export class Connectivity {
  readonly #log: Log;
  readonly #onCount: (consumers: number) => void;
  #consumers = 0;
  #isLost = false;

  /** `onCount` is told each change of the number of channels that take events. */
  constructor(log: Log, onCount: (consumers: number) => void) {
    this.#log = log;
    this.#onCount = onCount;
  }

  /** One channel more, or less, takes events. */
  consumes(change: 1 | -1): void {
    this.#consumers += change;
    this.#onCount(this.#consumers);
    if (change === 1 && this.#isLost) {
      this.#isLost = false;
      this.#log.info('events are taken again');
    }
  }

  /** A channel was lost, or could not be had. */
  lost(error: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#log.warn('a channel to the broker is lost; no events come by it until it is back', { error });
  }
}
