import type { Clock, Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { backoffMs } from './backoff.ts';
import { KubeError } from './kube-error.ts';
import { steadyClock } from './steady-clock.ts';

/** What is to become of a key after its work is done. */
export interface WorkDone {
  /** Again after so many milliseconds. */
  readonly after?: number;
  /** Again as soon as no other key is due, in ten seconds at the latest: what is left of its work can wait for that of the others. */
  readonly behind?: boolean;
}

/** Works on one key; rejects where that failed and is to be tried again. `signal` is aborted when the queue closes. */
export type Work = (key: string, signal: AbortSignal) => Promise<WorkDone | undefined>;

/** What a queue works with. */
export interface WorkQueueOptions {
  readonly work: Work;
  /** How many keys are worked on at a time. */
  readonly workers: number;
  readonly log: Log;
  /** For durations only; default: one that nobody sets. */
  readonly clock?: Clock;
  /** 0 ≤ x < 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Waits after failures. */
/** The longest is no longer than the resync: what failed is not looked at less often than what did not. */
const BACKOFF = { firstMs: 1_000, longestMs: 55_000 };

/** How long a key stays behind those that are due: where they never end, it would never have its turn. */
const BEHIND_MS = 10_000;

/** What the queue knows of a key that waits, is worked on, or has failed. */
interface Entry {
  state: 'due' | 'waiting' | 'working';
  /** While waiting. */
  timer: Timer | undefined;
  /** When the next work is due; while it is worked on, the next after that. */
  dueAt: number;
  failures: number;
  /** Not before this, whoever asks: what fails at once must not be tried as fast as it fails. */
  restsUntil: number;
}

/**
 * Keys to be worked on, each by one worker at a time. A key that is added several times before its turn is worked on once; one that is added while it is worked on, once more
 * afterwards. A failure is tried again after a growing pause; an `add` ends that pause, but for the first second of it.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Due keys, first come first served. */
  readonly #due = new Set<string>();
  /** Those that are due when no other is, likewise. */
  readonly #behind = new Set<string>();
  readonly #working = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? steadyClock;
    this.#random = options.random ?? Math.random;
  }

  /** As soon as a worker is free. */
  add(key: string): void {
    this.addAfter(key, 0);
  }

  /** In so many milliseconds, unless it is due before that anyway. */
  addAfter(key: string, ms: number): void {
    if (this.#closing.signal.aborted) return;
    const now = this.#clock.now();
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#wait(key, newEntry(), now + ms);
      return;
    }
    const dueAt = Math.max(now + ms, entry.restsUntil);
    if (dueAt <= now) this.#bringForward(key, entry);
    if (entry.state === 'due' || dueAt >= entry.dueAt) return;
    if (entry.state === 'working') entry.dueAt = dueAt;
    else this.#wait(key, entry, dueAt);
  }

  /** Keys that are due and not worked on yet. */
  depth(): number {
    return this.#due.size + this.#behind.size;
  }

  /** Keys that are worked on. */
  working(): number {
    return this.#working.size;
  }

  /** Forgets all keys, aborts what is under way and waits for it. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the work queue is closed'));
    for (const { timer } of this.#entries.values()) timer?.cancel();
    this.#entries.clear();
    this.#due.clear();
    this.#behind.clear();
    await Promise.all(this.#working);
  }

  #wait(key: string, entry: Entry, dueAt: number): void {
    entry.timer?.cancel();
    entry.timer = undefined;
    entry.dueAt = dueAt;
    this.#entries.set(key, entry);
    const waitMs = dueAt - this.#clock.now();
    if (waitMs <= 0) this.#becomeDue(key, entry);
    else {
      entry.state = 'waiting';
      entry.timer = this.#clock.timer(waitMs, () => this.#becomeDue(key, entry));
    }
  }

  #becomeDue(key: string, entry: Entry, queue = this.#due): void {
    entry.timer = undefined;
    entry.state = 'due';
    queue.add(key);
    // Never in the middle of whatever has called `add`.
    queueMicrotask(() => this.#start());
  }

  /** Puts a key that is behind among those that are due. */
  #bringForward(key: string, entry: Entry): void {
    if (!this.#behind.delete(key)) return;
    entry.timer?.cancel();
    entry.timer = undefined;
    this.#due.add(key);
  }

  #start(): void {
    while (this.#working.size < this.#options.workers) {
      const [key] = this.#due.size > 0 ? this.#due : this.#behind;
      if (key === undefined) return;
      this.#due.delete(key);
      this.#behind.delete(key);
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      entry.timer?.cancel();
      entry.timer = undefined;
      entry.state = 'working';
      entry.dueAt = Number.POSITIVE_INFINITY;
      const working = this.#work(key, entry).finally(() => {
        this.#working.delete(working);
        this.#start();
      });
      this.#working.add(working);
    }
  }

  async #work(key: string, entry: Entry): Promise<void> {
    const { signal } = this.#closing;
    try {
      const done = await this.#options.work(key, signal);
      if (signal.aborted) return;
      entry.failures = 0;
      if (done?.behind === true && entry.dueAt > this.#clock.now()) {
        this.#becomeDue(key, entry, this.#behind);
        entry.timer = this.#clock.timer(BEHIND_MS, () => this.#bringForward(key, entry));
        return;
      }
      if (done?.after !== undefined) entry.dueAt = Math.min(entry.dueAt, this.#clock.now() + done.after);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(key, entry, error);
    }
    if (entry.dueAt === Number.POSITIVE_INFINITY) this.#entries.delete(key);
    else this.#wait(key, entry, entry.dueAt);
  }

  #failed(key: string, entry: Entry, error: unknown): void {
    const now = this.#clock.now();
    entry.failures += 1;
    const { code, retryAfterMs = 0 } = error instanceof KubeError ? error : { code: undefined };
    const waitMs = Math.max(retryAfterMs, backoffMs(BACKOFF, entry.failures, this.#random()));
    entry.restsUntil = now + Math.max(retryAfterMs, BACKOFF.firstMs);
    entry.dueAt = Math.max(entry.restsUntil, Math.min(entry.dueAt, now + waitMs));
    const fields = { key, error: messageOf(error), failures: entry.failures, waitMs: entry.dueAt - now };
    this.#options.log.warn('work failed and is tried again', code === undefined ? fields : { ...fields, code });
  }
}

function newEntry(): Entry {
  return { state: 'waiting', timer: undefined, dueAt: Number.POSITIVE_INFINITY, failures: 0, restsUntil: 0 };
}
