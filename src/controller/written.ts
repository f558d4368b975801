import { type ObjectHead, objectKey } from '../kube/resources.ts';

/** Objects of one kind as they were written last, until the cache has them. */
export class Written<T extends ObjectHead> {
  readonly #objects = new Map<string, T>();

  /** What the API server answered to a write. */
  remember(object: T): void {
    const { namespace, name } = object.metadata;
    this.#objects.set(objectKey(namespace, name), object);
  }

  /** The newer one of what is cached and what was written. */
  newest(cached: T): T {
    const { namespace, name, uid, resourceVersion } = cached.metadata;
    const key = objectKey(namespace, name);
    const written = this.#objects.get(key);
    if (written === undefined) return cached;
    if (written.metadata.uid === uid && isBefore(resourceVersion, written.metadata.resourceVersion)) return written;
    this.#objects.delete(key);
    return cached;
  }

  /** What was written and is not in the cache yet. */
  last(namespace: string, name: string): T | undefined {
    return this.#objects.get(objectKey(namespace, name));
  }

  forget(namespace: string, name: string): void {
    this.#objects.delete(objectKey(namespace, name));
  }
}

/** Versions of one kind of object are whole numbers that grow. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
function isBefore(version: string | undefined, other: string | undefined): boolean {
  return version !== undefined && other !== undefined && BigInt(version) < BigInt(other);
}
