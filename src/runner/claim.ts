import type { EventRecord } from '../api/record.ts';
import { type Clock, sleep, type Timer } from '../lib/clock.ts';
import { type RecordKey, type RecordUpdate, type RecordWrite, type Store, StoreError } from '../store/port.ts';
import { fittedRecord } from './record-size.ts';

/** How long a taker may be silent before another one may take the event. Renewed at a third of it. */
export const LEASE_MS = 15_000;

/** Waits between tries while the store does not answer. */
const STORE_RETRY_MS = [100, 250, 500, 1000, 2000];

/** Thrown where the record carries another fence: somebody else has the event. Nothing more may be done for it here. */
export class Fenced extends Error {}

/**
 * Repeats a store call until the store answers. Rejects with the signal's reason when it is aborted first, so that
 * a delivery is held no longer than it may be.
 */
export async function persistently<T>(clock: Clock, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
    await sleep(clock, STORE_RETRY_MS[Math.min(tries, STORE_RETRY_MS.length - 1)] ?? 0, signal);
  }
}

/** What a claim has done with the records that it writes. */
export interface ClaimHooks {
  /** Told, once, when the record is written without the answer, since it would be too large with it. */
  readonly onTooLarge: (wholeBytes: number) => void;
  /** The record as it is to lie in the store. */
  readonly seal: (record: EventRecord) => EventRecord;
}

/**
 * The right to work on one event: holds the record's fence, renews the lease, and writes the record.
 * Owned by one run; `release` ends the renewal. `lost` is aborted as soon as the fence is known to be another's.
 */
export class Claim {
  readonly key: RecordKey;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #lost = new AbortController();
  readonly #hooks: ClaimHooks;
  #record: EventRecord;
  /** The last write, where one was tried. */
  #conclusion: { readonly write: RecordUpdate; isWritten: boolean } | undefined;
  /** How many writes were begun. */
  #writes = 0;
  #timer: Timer | undefined;
  #tooLarge = false;

  constructor(store: Store, clock: Clock, key: RecordKey, record: EventRecord, signal: AbortSignal, hooks: Partial<ClaimHooks> = {}) {
    this.#store = store;
    this.#clock = clock;
    this.key = key;
    this.#record = record;
    this.#signal = signal;
    this.#hooks = { onTooLarge: () => {}, seal: (plain) => plain, ...hooks };
    this.#scheduleRenewal();
  }

  get record(): EventRecord {
    return this.#record;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Changes the record here, to be written with the next checkpoint: two transitions with nothing between them are one write. */
  note(change: Partial<EventRecord>): void {
    this.#record = { ...this.#record, ...change };
  }

  /** Writes the record and keeps the lease. Throws `Fenced`. */
  async checkpoint(change: Partial<EventRecord>): Promise<void> {
    this.note(change);
    await this.#write(this.#next({ record: this.#record, leaseMs: LEASE_MS }));
  }

  /** Writes the record for the last time, gives up the lease, and forgets the record after `expireMs` where that is given. Throws `Fenced`. */
  async conclude(record: EventRecord, expireMs?: number): Promise<void> {
    this.release();
    this.#record = record;
    const conclusion = { write: this.#next({ record, leaseMs: 0, ...(expireMs === undefined ? {} : { expireMs }) }), isWritten: false };
    this.#conclusion = conclusion;
    await this.#write(conclusion.write);
    conclusion.isWritten = true;
  }

  /**
   * Gives the event up without an end: tries once to write the record as `given` and to give up the lease, so that the next taker need not wait for it.
   * Where that fails, the lease runs out. A record that was to be concluded is written as that, with its expiry, and one that is concluded is left alone.
   */
  async abandon(given: EventRecord): Promise<void> {
    this.release();
    if (this.#lost.signal.aborted || this.#conclusion?.isWritten) return;
    const write = this.#conclusion?.write ?? this.#next({ record: given, leaseMs: 0 });
    try {
      await this.#store.update(this.key, this.#record.fence, this.#fitted(write));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  /** Stops renewing. The record stays as it is, and the lease runs out. */
  release(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** A write that comes after all before it, whichever of them arrives last. */
  #next(write: RecordWrite): RecordUpdate {
    this.#writes += 1;
    return { ...write, number: this.#writes };
  }

  async #write(write: RecordUpdate): Promise<void> {
    if (this.#lost.signal.aborted) throw new Fenced();
    const fitted = this.#fitted(write);
    const { written } = await persistently(this.#clock, this.#signal, () => this.#store.update(this.key, this.#record.fence, fitted));
    if (!written) {
      this.#lose();
      throw new Fenced();
    }
  }

  /** What is left out stays known here: only a later taker misses it. */
  #fitted(write: RecordUpdate): RecordUpdate {
    const { record, wholeBytes } = fittedRecord(this.#hooks.seal(write.record));
    if (wholeBytes !== undefined && !this.#tooLarge) this.#hooks.onTooLarge(wholeBytes);
    this.#tooLarge ||= wholeBytes !== undefined;
    return { ...write, record };
  }

  #scheduleRenewal(): void {
    this.#timer = this.#clock.timer(LEASE_MS / 3, () => {
      this.#renew().catch((error: unknown) => this.#lost.abort(error));
    });
  }

  async #renew(): Promise<void> {
    try {
      const { renewed } = await this.#store.renew(this.key, this.#record.fence, LEASE_MS);
      if (!renewed && this.#timer !== undefined) this.#lose();
    } catch (error) {
      // The store is away. The lease may run out meanwhile; as long as nobody else took the event, the next renewal mends that.
      if (!(error instanceof StoreError)) throw error;
    }
    if (this.#timer !== undefined && !this.#lost.signal.aborted) this.#scheduleRenewal();
  }

  #lose(): void {
    this.release();
    this.#lost.abort(new Fenced());
  }
}
