import { type Store, StoreError } from './port.ts';

/** A store that tells when it stops answering and when it answers again; each call's own result is untouched. */
export function watchedStore<Watched extends Store>(store: Watched, onChange: (reachable: boolean, error?: string) => void): Watched {
  let reachable = true;
  const watch = async <T>(call: Promise<T>): Promise<T> => {
    try {
      const result = await call;
      if (!reachable) {
        reachable = true;
        onChange(true);
      }
      return result;
    } catch (error) {
      if (error instanceof StoreError && reachable) {
        reachable = false;
        onChange(false, error.message);
      }
      throw error;
    }
  };
  return {
    ...store,
    read: (key) => watch(store.read(key)),
    replace: (key, expectedVersion, write) => watch(store.replace(key, expectedVersion, write)),
    update: (key, fence, write) => watch(store.update(key, fence, write)),
    renew: (key, fence, leaseMs) => watch(store.renew(key, fence, leaseMs)),
    addPause: (agent, pause, by) => watch(store.addPause(agent, pause, by)),
    pausesSince: (agent, since) => watch(store.pausesSince(agent, since)),
    lastTick: (agent, schedule) => watch(store.lastTick(agent, schedule)),
    replaceLastTick: (agent, schedule, expected, next) => watch(store.replaceLastTick(agent, schedule, expected, next)),
    readCell: (key) => watch(store.readCell(key)),
    replaceCell: (key, expectedVersion, text, expireMs) => watch(store.replaceCell(key, expectedVersion, text, expireMs)),
    ping: () => watch(store.ping()),
  };
}
