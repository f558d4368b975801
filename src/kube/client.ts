import type { KubeObject, ObjectHead, Resource } from './resources.ts';

/** Which objects of a resource: of all namespaces unless one is named. */
export interface Selection {
  readonly namespace?: string;
  /** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** What to list. */
export interface ListOptions extends Selection {
  /** Objects a page; default 500, as kubectl. */
  readonly pageSize?: number;
}

/** What to watch, and from where on. */
export interface WatchOptions extends Selection {
  /** Of a list, or of the last event: what came after it is told. */
  readonly resourceVersion: string;
  /** After this time the server ends the watch, which is no failure. */
  readonly timeoutSeconds: number;
  /** A watch that says nothing for so long is given up; default 90 s: bookmarks come about once a minute. */
  readonly idleMs?: number;
  /** Is called when the server has accepted the watch. */
  readonly onOpen?: () => void;
}

/** A list, whole, and the version that a watch goes on from. */
export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** What has become of one object. Of a bookmark only the resourceVersion is filled in. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: ObjectHead;
}

/** How to apply. */
export interface ApplyOptions {
  /** Who states these fields; a field that the same manager stated before and leaves out now is removed. */
  readonly fieldManager: string;
  readonly subresource?: 'status';
  /** Only checked and defaulted, nothing is kept. */
  readonly dryRun?: boolean;
}

/** How to delete. */
export interface DeleteOptions {
  /** Only the object with this uid; another of the same name is `Conflict`. */
  readonly uid?: string;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
}

/** Which part of an object to write. */
export interface WriteOptions {
  readonly subresource?: 'status';
}

/** Which log. */
export interface LogOptions {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/**
 * The Kubernetes API, as raw JSON. Every call rejects with a `KubeError`, or with the signal's reason once that is aborted. No call is repeated here.
 * A call without an answer after 30 s is `Unreachable`; reading and applying may then be repeated, creating may have been done.
 */
export interface KubeClient {
  /** `undefined`: there is no such object. A kind that the server does not know is `NotFound`. */
  get<T extends ObjectHead = KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined>;
  /** All pages of a list, as of one moment. */
  list<T extends ObjectHead = KubeObject>(resource: Resource, options: ListOptions, signal: AbortSignal): Promise<ObjectList<T>>;
  /** Tells what happens, in its order, until the server ends it (resolves) or something fails; `Gone`: list again. What `onEvent` throws ends it as well. */
  watch(resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
  /**
   * Tells what a container has said and says, line by line and in step with `onLine`, from the oldest line that is kept until the server ends it (resolves), which it does some time
   * after the container has ended, or something fails. A line that was cut off is not told. What `onLine` throws ends it as well.
   */
  log(options: LogOptions, onLine: (line: string) => Promise<void> | void, signal: AbortSignal): Promise<void>;
  /** Server-side apply, by force: what others state about our fields is overruled. https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
  apply<T extends ObjectHead = KubeObject>(resource: Resource, object: ObjectHead, options: ApplyOptions, signal: AbortSignal): Promise<T>;
  /** `Conflict` where there is an object of that name. */
  create<T extends ObjectHead>(resource: Resource, object: T, signal: AbortSignal): Promise<T>;
  /** The whole object; `Conflict` where it has another resourceVersion by now. */
  replace<T extends ObjectHead>(resource: Resource, object: T, options: WriteOptions, signal: AbortSignal): Promise<T>;
  /** JSON merge patch (RFC 7396): `null` removes a field, lists are replaced. With a `metadata.resourceVersion` in it: `Conflict` where it is another by now. */
  mergePatch<T extends ObjectHead = KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    patch: Readonly<Record<string, unknown>>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<T>;
  /** Resolves when the deletion is accepted or there is nothing to delete; finalizers may keep the object for longer. */
  delete(resource: Resource, namespace: string | undefined, name: string, options: DeleteOptions, signal: AbortSignal): Promise<void>;
  /** Ends all connections, and what is under way on them. May be repeated. */
  close(): Promise<void>;
}
