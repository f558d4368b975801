import type { Clock } from '../lib/clock.ts';

/** A value that takes work to get, kept for a while. */
export interface Remembered<T> {
  get(): Promise<T>;
  /** The next `get` gets it anew. */
  forget(): void;
}

/** Gets a value by `load` when it is asked for and the last one is older than `keepMs`. What fails is not kept; callers at the same time share one load. */
export function remembered<T>(clock: Clock, keepMs: number, load: () => Promise<T>): Remembered<T> {
  let current: { readonly at: number; readonly value: Promise<T> } | undefined;
  return {
    get() {
      const now = clock.now();
      // A clock that was set back is no reason to keep something for longer.
      if (current !== undefined && Math.abs(now - current.at) < keepMs) return current.value;
      const loading = { at: now, value: load() };
      current = loading;
      loading.value.catch(() => {
        if (current === loading) current = undefined;
      });
      return loading.value;
    },
    forget() {
      current = undefined;
    },
  };
}
