import type { KubeClient } from './client.ts';
import type { Leadership } from './leader.ts';

/** The client of a leader: what it writes it writes only while the leadership lasts, by the clock of that moment; after that every write rejects with the reason. Closing is the owner's. */
export function leadingClient(client: KubeClient, leadership: Leadership): KubeClient {
  const whileLeading = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!leadership.holds()) throw leadership.signal.reason;
    return write();
  };
  return {
    ...client,
    apply: (resource, object, options, signal) => whileLeading(() => client.apply(resource, object, options, signal)),
    create: (resource, object, signal) => whileLeading(() => client.create(resource, object, signal)),
    replace: (resource, object, options, signal) => whileLeading(() => client.replace(resource, object, options, signal)),
    mergePatch: (resource, namespace, name, patch, options, signal) =>
      whileLeading(() => client.mergePatch(resource, namespace, name, patch, options, signal)),
    delete: (resource, namespace, name, options, signal) => whileLeading(() => client.delete(resource, namespace, name, options, signal)),
  };
}
