import { type Clock, sleep } from '../lib/clock.ts';
import { type CellKey, type Store, type StoredCell, StoreError } from '../store/port.ts';

/** What a change makes of a value: the next one, where there is one, and what the caller wants to know. */
export interface CellChange<Value, Result> {
  readonly next?: Value;
  readonly result: Result;
}

/** What a shared cell is, and with what it is reached. */
export interface SharedCellOptions<Value> {
  readonly store: Pick<Store, 'readCell' | 'replaceCell'>;
  readonly clock: Clock;
  readonly key: CellKey;
  /** How long a value is remembered after the last write. */
  readonly expireMs: number | ((value: Value, now: number) => number);
  /** What a cell holds that nobody has written; values are JSON. */
  readonly empty: Value;
  /** Told of each value that is seen or written, as of the store's time `now`. */
  readonly onSeen?: (value: Value, now: number) => void;
}

/**
 * One value that replicas share, changed by compare-and-set: a change is computed here and written if nobody was faster, else computed anew. Where nobody else writes, a change is
 * one round trip. What one process asks waits for what it asked before. Rejects with `StoreError`; whether the last change was made is then unknown, and it must be one that can be repeated.
 */
export class SharedCell<Value> {
  readonly #options: SharedCellOptions<Value>;
  /** What was seen last; `undefined`: to be read first. */
  #known: { readonly stored: StoredCell | undefined } | undefined;
  #storeAheadMs = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: SharedCellOptions<Value>) {
    this.#options = options;
  }

  /** The store's time, as of its last answer. */
  now(): number {
    return this.#options.clock.now() + this.#storeAheadMs;
  }

  /** Looks at the value again and again, after `lookMs` each, until the signal is aborted. Never rejects. */
  async watch(stop: AbortSignal, lookMs: () => number): Promise<void> {
    const { clock } = this.#options;
    // Whoever starts this is not called back before it is done.
    await sleep(clock, 0, stop).catch(() => {});
    while (!stop.aborted) {
      try {
        await this.read();
      } catch (error) {
        // A store that is away is said by whoever watches it.
        if (!(error instanceof StoreError)) throw error;
      }
      await sleep(clock, lookMs(), stop).catch(() => {});
    }
  }

  /** Looks at the value. */
  read(): Promise<Value> {
    return this.#inTurn(() => this.#read());
  }

  /** Changes the value; `decide` gets it with the store's time, and may be asked several times. */
  change<Result>(decide: (value: Value, now: number) => CellChange<Value, Result>): Promise<Result> {
    return this.#inTurn(() => this.#change(decide));
  }

  /** One after the other: what was asked before a write must not be seen after it. */
  #inTurn<Result>(ask: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(ask);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #read(): Promise<Value> {
    const { store, key } = this.#options;
    const { stored, now } = await store.readCell(key);
    return this.#see(stored, now);
  }

  async #change<Result>(decide: (value: Value, now: number) => CellChange<Value, Result>): Promise<Result> {
    const { store, key, expireMs } = this.#options;
    if (this.#known === undefined) await this.#read();
    for (;;) {
      const stored = this.#known?.stored;
      const { next, result } = decide(this.#valueOf(stored), this.now());
      if (next === undefined) return result;
      const text = JSON.stringify(next);
      this.#known = undefined;
      const keptMs = typeof expireMs === 'number' ? expireMs : expireMs(next, this.now());
      const answer = await store.replaceCell(key, stored?.version ?? 0, text, keptMs);
      if (answer.written) {
        this.#see({ text, version: answer.version }, answer.now);
        return result;
      }
      this.#see(answer.stored, answer.now);
    }
  }

  #see(stored: StoredCell | undefined, now: number): Value {
    this.#known = { stored };
    this.#storeAheadMs = now - this.#options.clock.now();
    const value = this.#valueOf(stored);
    this.#options.onSeen?.(value, now);
    return value;
  }

  #valueOf(stored: StoredCell | undefined): Value {
    return stored === undefined ? this.#options.empty : (JSON.parse(stored.text) as Value);
  }
}
