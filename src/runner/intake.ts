/** Why a runner takes fewer events at a time, or none. */
export type LimitReason = 'provider' | 'secret' | 'budget' | 'alike' | 'rate' | 'suspended' | 'settling' | 'store' | 'alone';

/**
 * How many of a runner's slots may take events. Several reasons can hold it down at a time; the tightest counts.
 * While it lets in fewer than there are, the places go to the slots that ask first, and stay theirs until it lets in none or all: a slot that is busy asks for nothing.
 */
export class Intake {
  readonly #concurrency: number;
  readonly #limits = new Map<LimitReason, number>();
  /** The slots that have a place. */
  readonly #places = new Set<number>();
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
    const most = this.#most();
    if (most === 0 || most >= this.#concurrency) this.#places.clear();
    if (before !== (slots !== undefined)) this.#onLimit(reason, slots !== undefined);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` at each change of any limit, until the function that comes back is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Lets a slot take events now, or not; it has its place then. A limit for the reason `beside` does not count. */
  admits(slot: number, beside?: LimitReason): boolean {
    const most = this.#most(beside);
    if (most >= this.#concurrency) return true;
    if (most === 0) return false;
    if (!this.#places.has(slot) && this.#places.size >= most) return false;
    this.#places.add(slot);
    return true;
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

  #most(beside?: LimitReason): number {
    const limits = [...this.#limits].flatMap(([reason, slots]) => (reason === beside ? [] : [slots]));
    return Math.min(this.#concurrency, ...limits);
  }
}
