import { keyOf, type ObjectHead } from './resources.ts';

/** An object before and after a change; `undefined` where there was none, or is none any more. */
export interface ObjectChange<T> {
  readonly key: string;
  readonly now: T | undefined;
  readonly before: T | undefined;
}

/** The objects of one resource as they were last seen, by namespace and name. */
export class ObjectStore<T extends ObjectHead> {
  /** Objects without a namespace are in that of the empty name. */
  #byNamespace = new Map<string, Map<string, T>>();

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#byNamespace.get(namespace ?? '')?.get(name);
  }

  /** The objects of a namespace, or all. */
  list(namespace?: string): T[] {
    if (namespace !== undefined) return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
    return [...this.#byNamespace.values()].flatMap((objects) => [...objects.values()]);
  }

  /** Takes an object in. `undefined`: it is known already, in just this version. */
  put(now: T): ObjectChange<T> | undefined {
    const { namespace = '', name, uid, resourceVersion } = now.metadata;
    const before = this.get(namespace, name);
    if (before !== undefined && before.metadata.uid === uid && before.metadata.resourceVersion === resourceVersion) return undefined;
    const objects = this.#byNamespace.get(namespace) ?? new Map<string, T>();
    this.#byNamespace.set(namespace, objects.set(name, now));
    return { key: keyOf(now), now, before };
  }

  /** Forgets an object. `undefined`: it is not known. */
  remove({ metadata: { namespace = '', name } }: ObjectHead): ObjectChange<T> | undefined {
    const objects = this.#byNamespace.get(namespace);
    const before = objects?.get(name);
    if (objects === undefined || before === undefined) return undefined;
    objects.delete(name);
    if (objects.size === 0) this.#byNamespace.delete(namespace);
    return { key: keyOf(before), now: undefined, before };
  }

  /** Makes a whole list the content: what is not in it has been deleted meanwhile. */
  replace(items: readonly T[]): readonly ObjectChange<T>[] {
    const listed = new Set(items.map(keyOf));
    const gone = this.list().filter((known) => !listed.has(keyOf(known)));
    return [...gone.map((known) => this.remove(known)), ...items.map((item) => this.put(item))].filter((change) => change !== undefined);
  }
}
