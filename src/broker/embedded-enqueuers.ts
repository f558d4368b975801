/** Below this part of its length limit a queue that was full takes messages again. RabbitMQ's `LOW_LIMIT` of quorum queues. */
const LOW_LIMIT = 0.8;

/**
 * Who may publish to a queue with a length limit and `reject-publish`. As in RabbitMQ the limit is not exact: the queue says "full" once it holds more than the limit,
 * to all who publish then; somebody new is let in while it does not. All are let in again at 80 % of the limit.
 */
export class Enqueuers {
  readonly #maxLength: number | undefined;
  readonly #blocked = new Map<object, boolean>();
  #wasLow = true;

  /** Without limit everybody may publish, and nobody is remembered. */
  constructor(maxLength: number | undefined) {
    this.#maxLength = maxLength;
  }

  /** Whether a message is taken from `enqueuer`; `undefined` publishes once and is not remembered. */
  admits(enqueuer: object | undefined, length: number): boolean {
    if (this.#maxLength === undefined) return true;
    if (enqueuer === undefined) return length <= this.#maxLength;
    const blocked = this.#blocked.get(enqueuer) ?? length > this.#maxLength;
    this.#blocked.set(enqueuer, blocked);
    return !blocked;
  }

  /** Must be called whenever the length has changed. */
  update(length: number): void {
    if (this.#maxLength === undefined) return;
    const isLow = length <= Math.trunc(this.#maxLength * LOW_LIMIT);
    if (length > this.#maxLength) this.#setAll(true);
    else if (isLow && !this.#wasLow) this.#setAll(false);
    this.#wasLow = isLow;
  }

  /** Somebody who published is gone. */
  forget(enqueuer: object): void {
    this.#blocked.delete(enqueuer);
  }

  /** All who published are gone. */
  clear(): void {
    this.#blocked.clear();
  }

  #setAll(blocked: boolean): void {
    for (const enqueuer of this.#blocked.keys()) this.#blocked.set(enqueuer, blocked);
  }
}
