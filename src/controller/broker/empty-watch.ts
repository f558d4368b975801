/** Counts lag behind by seconds: a queue counts as empty when it was seen so twice, this far apart. */
const APART_MS = 15_000;

/** Remembers since when queues have been seen empty. */
export class EmptyWatch {
  readonly #since = new Map<string, number>();

  /** Whether a queue has proven empty: by this look at it, at `seenAt` in milliseconds, and one long enough before. `total` is unknown where the broker does not say. */
  look(queue: string, total: number | undefined, seenAt: number): boolean {
    if (total !== 0) {
      this.#since.delete(queue);
      return false;
    }
    const since = this.#since.get(queue);
    if (since === undefined) this.#since.set(queue, seenAt);
    return since !== undefined && seenAt - since >= APART_MS;
  }

  forget(queue: string): void {
    this.#since.delete(queue);
  }
}
