import { type Clock, sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { backoffMs } from './backoff.ts';
import type { KubeClient, Selection, WatchEvent } from './client.ts';
import { KubeError } from './kube-error.ts';
import { type ObjectChange, ObjectStore } from './object-store.ts';
import type { ObjectHead, Resource } from './resources.ts';
import { steadyClock } from './steady-clock.ts';

/** What a reflector keeps a copy of, and with what. */
export interface ReflectorOptions<T> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly resource: Resource;
  readonly selection?: Selection;
  readonly log: Log;
  /** For durations only; default: one that nobody sets. */
  readonly clock?: Clock;
  /** 0 ≤ x < 1; default `Math.random`. */
  readonly random?: () => number;
  /** What is kept of an object: large parts that nobody reads may be left out. `metadata.managedFields` always are. */
  readonly keep?: (object: T) => T;
  /** See `WatchOptions.idleMs`. */
  readonly idleMs?: number;
}

/** How a reflector fares. */
export interface ReflectorState {
  /** Whether there has been a whole list: before that, what is not here may well exist. */
  readonly synced: boolean;
  /** Whether changes are heard of just now. */
  readonly watching: boolean;
  /** Why not, where something failed. */
  readonly error: KubeError | undefined;
}

/** Is told of each change; `key` as of `keyOf`. Deleted and made again while nobody looked is one change: the uid is another. */
export type ChangeListener<T> = (key: string, now: T | undefined, before: T | undefined) => void;

/** As client-go: https://github.com/kubernetes/client-go/blob/master/tools/cache/reflector.go */
const BACKOFF = { firstMs: 800, longestMs: 30_000 };
/** How long the server is to keep a watch, jittered so that watches that began together do not end together. */
const WATCH_SECONDS = { least: 240, most: 300 };
/** A watch that ends sooner, without a word, is a failure: else a broken proxy would be asked as fast as it answers. */
const SHORT_WATCH_MS = 1_000;
/** A watch that stood for so long ends a row of failures. */
const LASTING_WATCH_MS = 10_000;
/** After so many failed watches the list is made anew: the version to go on from may be one that this server has never had (etcd was restored). */
const RELIST_AFTER_FAILURES = 5;
/** So often, up to half as much later, the list is made anew though nothing failed: whatever was missed, by whatever fault, is missed no longer. */
const RELIST_MS = 3_600_000;

/**
 * A copy of the objects of one resource that follows what happens to them: a list, then a watch from its version on, for ever. Whatever breaks is tried again after a
 * growing pause; after a gap that cannot be watched over, a new list shows what was missed, deletions included. Objects are shared and must not be changed.
 */
export class Reflector<T extends ObjectHead> {
  /** Resolves after the first whole list; rejects when the reflector is closed before that. */
  readonly synced: Promise<void>;

  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Log;
  readonly #store = new ObjectStore<T>();
  readonly #listeners = new Set<ChangeListener<T>>();
  readonly #closing = new AbortController();
  readonly #sync = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #synced = false;
  #watching = false;
  #failures = 0;
  #error: KubeError | undefined;
  /** Whether the last failure was that history is gone. */
  #isExpired = false;
  /** From where to watch; `undefined`: list first. */
  #version: string | undefined;
  #relistAt = 0;

  /** Begins at once. */
  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? steadyClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log.child({ resource: options.resource.plural });
    this.synced = this.#sync.promise;
    // Nobody needs to wait for it.
    this.synced.catch(() => {});
    this.#running = this.#run();
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#store.get(namespace, name);
  }

  /** The objects of a namespace, or all; in no order. */
  list(namespace?: string): readonly T[] {
    return this.#store.list(namespace);
  }

  /** Has `listener` told of each change from now on, after it is in the copy. What it throws is logged. The function that comes back ends that. */
  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  state(): ReflectorState {
    return { synced: this.#synced, watching: this.#watching, error: this.#watching ? undefined : this.#error };
  }

  /** Ends it; no listener is called any more. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.#closing.abort(new Error('the reflector is closed'));
    await this.#running;
    this.#sync.reject(this.#closing.signal.reason);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    // Whoever made it adds listeners first.
    await Promise.resolve();
    while (!signal.aborted) {
      try {
        if (this.#clock.now() >= this.#relistAt) this.#version = undefined;
        this.#version ??= await this.#list(signal);
        await this.#watch(this.#version, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error, signal).catch(() => {});
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, resource, selection } = this.#options;
    const { items, resourceVersion } = await client.list<T>(resource, selection ?? {}, signal);
    this.#relistAt = this.#clock.now() + RELIST_MS * (1 + this.#random() / 2);
    const changes = this.#store.replace(items.map((item) => this.#kept(item)));
    this.#synced = true;
    this.#sync.resolve();
    for (const change of changes) this.#tell(change);
    return resourceVersion;
  }

  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { client, resource, selection, idleMs } = this.#options;
    const { least, most } = WATCH_SECONDS;
    let openedAt: number | undefined;
    let isHeard = false;
    const openForMs = () => (openedAt === undefined ? 0 : this.#clock.now() - openedAt);
    try {
      await client.watch(
        resource,
        {
          ...selection,
          resourceVersion: from,
          timeoutSeconds: Math.round(least + (most - least) * this.#random()),
          ...(idleMs === undefined ? {} : { idleMs }),
          onOpen: () => {
            openedAt = this.#clock.now();
            this.#watching = true;
          },
        },
        (event) => {
          isHeard = true;
          this.#succeeded();
          this.#take(event);
        },
        signal,
      );
    } finally {
      this.#watching = false;
      if (openForMs() >= LASTING_WATCH_MS) this.#succeeded();
    }
    if (!isHeard && openForMs() < SHORT_WATCH_MS)
      throw new KubeError('Failed', `watching ${resource.plural}: the watch ended at once, without an event`);
    this.#succeeded();
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'DELETED') this.#tell(this.#store.remove(object));
    else if (type !== 'BOOKMARK') this.#tell(this.#store.put(this.#kept(object as T)));
    this.#version = object.metadata.resourceVersion;
  }

  #kept(object: T): T {
    const { keep } = this.#options;
    const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { readonly managedFields?: unknown };
    const lean = { ...object, metadata };
    return keep === undefined ? lean : keep(lean);
  }

  #tell(change: ObjectChange<T> | undefined): void {
    if (change === undefined) return;
    for (const listener of this.#listeners) {
      try {
        listener(change.key, change.now, change.before);
      } catch (error) {
        this.#log.error('a listener failed', { key: change.key, error: messageOf(error) });
      }
    }
  }

  #succeeded(): void {
    if (this.#failures === 0) return;
    if (this.#failures > 1 || !this.#synced) this.#log.info('objects are followed again', { failures: this.#failures });
    this.#failures = 0;
    this.#error = undefined;
    this.#isExpired = false;
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { code, message, retryAfterMs = 0 } = asKubeError(error);
    const wasExpired = this.#isExpired;
    this.#failures += 1;
    this.#error = asKubeError(error);
    this.#isExpired = code === 'Gone';
    if (this.#isExpired || this.#failures % RELIST_AFTER_FAILURES === 0) this.#version = undefined;
    // That history is gone is in the nature of things; a list that cannot be watched from is not.
    if (this.#isExpired && !wasExpired) {
      this.#log.info('the watch has expired, the list is made anew');
      return;
    }
    const waitMs = Math.max(retryAfterMs, backoffMs(BACKOFF, this.#failures, this.#random()));
    // So is a watch that breaks off once: a quiet one is cut by the client, which cannot tell it from a dead one.
    if (this.#failures > 1 || !this.#synced)
      this.#log.warn('objects cannot be followed', { code, error: message, failures: this.#failures, waitMs });
    await sleep(this.#clock, waitMs, signal);
  }
}

function asKubeError(error: unknown): KubeError {
  return error instanceof KubeError ? error : new KubeError('Failed', messageOf(error), { cause: error });
}
