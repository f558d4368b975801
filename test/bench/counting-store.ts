import type { Store } from '../../src/store/port.ts';

/** A store that counts how often it is asked: each call is one round trip. */
export interface CountingStore extends Store {
  /** Calls by method so far. */
  calls(): Readonly<Record<string, number>>;
}

/** Counts the calls of a store. */
export function countingStore(store: Store): CountingStore {
  const counts: Record<string, number> = {};
  const counted = <Args extends readonly unknown[], Result>(name: keyof Store, call: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      counts[name] = (counts[name] ?? 0) + 1;
      return call(...args);
    };
  };
  return {
    read: counted('read', store.read),
    replace: counted('replace', store.replace),
    update: counted('update', store.update),
    renew: counted('renew', store.renew),
    expire: counted('expire', store.expire),
    receipts: counted('receipts', store.receipts),
    costToday: counted('costToday', store.costToday),
    lease: counted('lease', store.lease),
    addPause: counted('addPause', store.addPause),
    pausesSince: counted('pausesSince', store.pausesSince),
    lastTick: counted('lastTick', store.lastTick),
    replaceLastTick: counted('replaceLastTick', store.replaceLastTick),
    readCell: counted('readCell', store.readCell),
    replaceCell: counted('replaceCell', store.replaceCell),
    ping: counted('ping', store.ping),
    inspect: counted('inspect', store.inspect),
    acknowledge: counted('acknowledge', store.acknowledge),
    calls: () => ({ ...counts }),
  };
}
