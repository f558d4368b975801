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

/** A change that somebody waits for. */
interface Asked<Value> {
  readonly decide: (value: Value, now: number) => CellChange<Value, unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A value, and the version that the store has of it; 0 for one that nobody has written. */
interface Known<Value> {
  readonly value: Value;
  readonly version: number;
}

/**
 * One value that replicas share, changed by compare-and-set: a change is computed here and written if nobody was faster, else computed anew. Where nobody else writes, a change is
 * one round trip, and so are all together that are asked for while another is under way, in their order. Rejects with `StoreError`; whether the last changes were made is then
 * unknown, and they must be such as can be repeated.
 */
export class SharedCell<Value> {
  readonly #options: SharedCellOptions<Value>;
  /** What was seen last; `undefined`: to be read first. */
  #known: Known<Value> | undefined;
  #storeAheadMs = 0;
  #asked: Asked<Value>[] = [];
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
    return new Promise<Result>((resolve, reject) => {
      this.#asked.push({ decide, resolve: resolve as (result: unknown) => void, reject });
      // Whoever's turn comes first takes all with it.
      void this.#inTurn(() => this.#changeAll());
    });
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
    return this.#see(this.#knownOf(stored), now).value;
  }

  /** Never rejects: whoever asked is told. */
  async #changeAll(): Promise<void> {
    const asked = this.#asked.splice(0);
    if (asked.length === 0) return;
    try {
      const answers = await this.#change((value, now) => {
        let next: Value | undefined;
        const made = asked.map(({ decide, resolve, reject }) => {
          try {
            const change = decide(next ?? value, now);
            next = change.next ?? next;
            return () => resolve(change.result);
          } catch (error) {
            return () => reject(error);
          }
        });
        return { result: made, ...(next === undefined ? {} : { next }) };
      });
      for (const answer of answers) answer();
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  async #change<Result>(decide: (value: Value, now: number) => CellChange<Value, Result>): Promise<Result> {
    const { store, key, expireMs } = this.#options;
    if (this.#known === undefined) await this.#read();
    for (;;) {
      const { value, version } = this.#known ?? this.#knownOf(undefined);
      const { next, result } = decide(value, this.now());
      if (next === undefined) return result;
      this.#known = undefined;
      const keptMs = typeof expireMs === 'number' ? expireMs : expireMs(next, this.now());
      const answer = await store.replaceCell(key, version, JSON.stringify(next), keptMs);
      if (answer.written) {
        this.#see({ value: next, version: answer.version }, answer.now);
        return result;
      }
      this.#see(this.#knownOf(answer.stored), answer.now);
    }
  }

  #see(known: Known<Value>, now: number): Known<Value> {
    this.#known = known;
    this.#storeAheadMs = now - this.#options.clock.now();
    this.#options.onSeen?.(known.value, now);
    return known;
  }

  #knownOf(stored: StoredCell | undefined): Known<Value> {
    if (stored === undefined) return { value: this.#options.empty, version: 0 };
    try {
      return { value: JSON.parse(stored.text) as Value, version: stored.version };
    } catch (cause) {
      const { name } = this.#options.key;
      throw new StoreError('Unsafe', `what replicas share of ${name} is no JSON: somebody has changed it in the store`, { cause });
    }
  }
}
