import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until it is told to move. */
export interface VirtualClock extends Clock {
  /** Fires, in the order of time, all timers that are due within `ms` from now, those that they set included; then that much time has passed. `advance(0)` fires what is due now. */
  advance(ms: number): Promise<void>;
  /** Fires timers until none is left. Throws when more than `maxMs` (a day) would have passed: somebody sets timers for ever. */
  runUntilIdle(maxMs?: number): Promise<void>;
  /** Fires timers until `predicate` holds, asked before the first and after each. Throws when none is left, or more than `maxMs` would have passed. */
  runUntil(predicate: () => boolean, maxMs: number): Promise<void>;
  /** How many timers are set. */
  readonly pending: number;
}

interface Entry {
  readonly dueMs: number;
  /** Decides between timers that are due at the same time. */
  readonly rank: number;
  readonly sequence: number;
  readonly fire: () => void;
  cancelled: boolean;
}

const DAY_MS = 86_400_000;

/**
 * A clock at `startMs`. Between two timers all promise jobs are run to their end, so code that waits for nothing but this clock does in a run what it does in life.
 * Timers that are due at the same time fire in the order they were set in; with `random` (0 ≤ x < 1, seeded) in an order that it picks, which is how a simulation finds races.
 */
export function createVirtualClock(startMs: number, options: { readonly random?: () => number } = {}): VirtualClock {
  const { random } = options;
  const heap: Entry[] = [];
  let nowMs = startMs;
  let sequence = 0;
  let live = 0;

  const next = (): Entry | undefined => {
    while (heap[0]?.cancelled) removeFirst(heap);
    return heap[0];
  };
  const fire = async (entry: Entry): Promise<void> => {
    removeFirst(heap);
    entry.cancelled = true;
    live--;
    nowMs = Math.max(nowMs, entry.dueMs);
    entry.fire();
    await promiseJobs();
  };

  return {
    now: () => nowMs,
    get pending() {
      return live;
    },
    timer(delayMs, fireTimer) {
      sequence++;
      const entry = { dueMs: nowMs + Math.max(delayMs, 0), rank: random?.() ?? 0, sequence, fire: fireTimer, cancelled: false };
      add(heap, entry);
      live++;
      return {
        cancel() {
          if (!entry.cancelled) live--;
          entry.cancelled = true;
        },
      };
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await promiseJobs();
      for (let entry = next(); entry !== undefined && entry.dueMs <= endMs; entry = next()) await fire(entry);
      nowMs = endMs;
    },
    async runUntilIdle(maxMs = DAY_MS) {
      const endMs = nowMs + maxMs;
      await promiseJobs();
      for (let entry = next(); entry !== undefined; entry = next()) {
        if (entry.dueMs > endMs) throw new Error(`timers are still set after ${maxMs} ms`);
        await fire(entry);
      }
    },
    async runUntil(predicate, maxMs) {
      const endMs = nowMs + maxMs;
      await promiseJobs();
      while (!predicate()) {
        const entry = next();
        if (entry === undefined) throw new Error(`no timer is left that could bring about: ${predicate}`);
        if (entry.dueMs > endMs) throw new Error(`not within ${maxMs} ms: ${predicate}`);
        await fire(entry);
      }
    },
  };
}

/** Resolves when every promise job, and every job that those add, has run. */
function promiseJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.dueMs - right.dueMs < 0 || (left.dueMs === right.dueMs && (left.rank - right.rank || left.sequence - right.sequence) < 0);
}

/** Adds to a binary heap whose first entry is the next to fire. */
function add(heap: Entry[], entry: Entry): void {
  let index = heap.push(entry) - 1;
  for (;;) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (index === 0 || parent === undefined || !isBefore(entry, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = entry;
}

function removeFirst(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const leftIndex = 2 * index + 1;
    const left = heap[leftIndex];
    const right = heap[leftIndex + 1];
    if (left === undefined) break;
    const [child, childIndex] = right !== undefined && isBefore(right, left) ? [right, leftIndex + 1] : [left, leftIndex];
    if (!isBefore(child, last)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}
