/** Why a runner takes fewer events at a time, or none. */
export type LimitReason = 'provider' | 'secret' | 'suspended' | 'settling' | 'store' | 'alone';

/**
 * How many of a runner's slots may take events. Several reasons can hold it down at a time; the tightest counts.
 * Slots are numbered from 0: slot `i` is open while `i` is below the limit.
 */
export class Intake {
  readonly #concurrency: number;
  readonly #limits = new Map<LimitReason, number>();
  readonly #listeners = new Set<() => void>();
  readonly #onLimit: (reason: LimitReason, limited: boolean) => void;

  /** `onLimit` is told when a reason begins to hold it down, and when it no longer does. */
  constructor(concurrency: number, onLimit: (reason: LimitReason, limited: boolean) => void = () => {}) {
    this.#concurrency = concurrency;
    this.#onLimit = onLimit;
  }

  /** Holds the intake down to `slots` for a reason; `undefined` lifts it. */
  limit(reason: LimitReason, slots: number | undefined): void {
    const before = this.#limits.has(reason);
    if (slots === undefined) this.#limits.delete(reason);
    else this.#limits.set(reason, slots);
    if (before !== (slots !== undefined)) this.#onLimit(reason, slots !== undefined);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` at each change of any limit, until the function that comes back is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  isOpen(slot: number): boolean {
    return slot < Math.min(this.#concurrency, ...this.#limits.values());
  }

  /** Resolves at the next change of any limit, or at once when the signal is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const wake = () => {
        signal.removeEventListener('abort', wake);
        forget();
        resolve();
      };
      const forget = this.onChange(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
