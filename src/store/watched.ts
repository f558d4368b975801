import { type Store, StoreError } from './port.ts';

/**
 * A store that tells when it can no longer be used and when it can again; each call's own result is untouched. That it can again is known by a `ping` alone: a store that may not be
 * trusted answers all else.
 */
export function watchedStore<Watched extends Store>(store: Watched, onChange: (usable: boolean, error?: string) => void): Watched {
  let usable = true;
  const watch = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof StoreError && usable) {
        usable = false;
        onChange(false, error.message);
      }
      throw error;
    }
  };
  return {
    ...store,
    read: (key) => watch(store.read(key)),
    replace: (key, expectedVersion, write, epoch) => watch(store.replace(key, expectedVersion, write, epoch)),
    update: (key, fence, write) => watch(store.update(key, fence, write)),
    renew: (key, fence, leaseMs) => watch(store.renew(key, fence, leaseMs)),
    expire: (key, expectedVersion, expireMs) => watch(store.expire(key, expectedVersion, expireMs)),
    receipts: (agent, since) => watch(store.receipts(agent, since)),
    costToday: (agent) => watch(store.costToday(agent)),
    lease: (agent, name, leaseMs) => watch(store.lease(agent, name, leaseMs)),
    addPause: (agent, pause, by) => watch(store.addPause(agent, pause, by)),
    pausesSince: (agent, since) => watch(store.pausesSince(agent, since)),
    lastTick: (agent, schedule) => watch(store.lastTick(agent, schedule)),
    replaceLastTick: (agent, schedule, expected, next) => watch(store.replaceLastTick(agent, schedule, expected, next)),
    readCell: (key) => watch(store.readCell(key)),
    replaceCell: (key, expectedVersion, text, expireMs) => watch(store.replaceCell(key, expectedVersion, text, expireMs)),
    inspect: (agent) => watch(store.inspect(agent)),
    acknowledge: (agent) => watch(store.acknowledge(agent)),
    ping: async () => {
      await watch(store.ping());
      if (usable) return;
      usable = true;
      onChange(true);
    },
  };
}
