import type { Dispatcher } from 'undici';
import type { Clock, Timer } from '../lib/clock.ts';
import { InputError } from '../lib/errors.ts';
import { follow } from '../lib/follow.ts';
import type { KubeAccess } from './access.ts';
import { applyBody } from './apply-body.ts';
import type { KubeClient, ListOptions, ObjectList, WatchEvent } from './client.ts';
import { isStatus, KubeError, kubeErrorFor } from './kube-error.ts';
import { type ObjectHead, pathOf, type Resource, resources } from './resources.ts';
import { createTransport, type TransportRequest, whatFailed } from './transport.ts';
import { createLines } from './watch-lines.ts';

/** How the client is to be. */
export interface KubeClientOptions {
  readonly access: KubeAccess;
  readonly clock: Clock;
  /** Whether HTTP/2 may be spoken; default true. */
  readonly http2?: boolean;
  /** How long a call may take; default 30 s. A watch may go on. */
  readonly callMs?: number;
}

const CALL_MS = 30_000;
const WATCH_IDLE_MS = 90_000;
const PAGE_SIZE = 500;

type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Json = Readonly<Record<string, unknown>>;

/** A client with connections of its own. */
export function createKubeClient({ access, clock, http2 = true, callMs = CALL_MS }: KubeClientOptions): KubeClient {
  const transport = createTransport(access, { http2 });

  /** One call, from its request to the end of its answer. */
  const call = async (what: string, request: TransportRequest, signal: AbortSignal): Promise<unknown> => {
    const ended = new AbortController();
    const unfollow = follow(signal, ended);
    const timer = clock.timer(callMs, () => ended.abort(late(what, callMs)));
    try {
      const { statusCode, headers, body } = await transport.send(request, ended.signal);
      const text = await body.text();
      if (statusCode >= 300) throw refusal(what, statusCode, headers, text);
      return parse(what, text);
    } catch (error) {
      throw failure(what, error, ended.signal);
    } finally {
      timer.cancel();
      unfollow();
    }
  };

  const refusal = (what: string, status: number, headers: Dispatcher.ResponseData['headers'], text: string): KubeError => {
    if (status === 401) access.refused();
    return kubeErrorFor(what, status, tryParse(text), String(headers['retry-after'] ?? ''), clock.now());
  };

  /** `ended` is aborted with what is to be thrown. */
  const failure = (what: string, error: unknown, ended: AbortSignal): unknown => {
    if (ended.aborted) return ended.reason;
    if (error instanceof KubeError) return error;
    if (error instanceof InputError) return new KubeError('Unauthorized', `${what}: ${error.message}`, { cause: error });
    return new KubeError('Unreachable', `${what}: no answer from the API server at ${access.server}: ${whatFailed(error)}`, {
      cause: error,
    });
  };

  const page = async <T>(resource: Resource, options: ListOptions, query: Query, signal: AbortSignal): Promise<Page<T>> => {
    const path = pathOf(resource, options.namespace);
    const answer = await call(
      `listing ${resource.plural}${options.namespace === undefined ? '' : ` of ${options.namespace}`}`,
      { method: 'GET', path: withQuery(path, { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, ...query }) },
      signal,
    );
    return answer as Page<T>;
  };

  const pages = async <T extends ObjectHead>(resource: Resource, options: ListOptions, signal: AbortSignal): Promise<ObjectList<T>> => {
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const found = await page<T>(resource, options, { limit: options.pageSize ?? PAGE_SIZE, continue: next }, signal);
      for (const item of found.items ?? []) items.push(typed(resource, item, found));
      next = found.metadata.continue || undefined;
      if (next === undefined) return { items, resourceVersion: found.metadata.resourceVersion };
    }
  };

  const write = async <T>(what: string, request: TransportRequest, signal: AbortSignal): Promise<T> =>
    (await call(what, request, signal)) as T;

  return {
    async get<T extends ObjectHead>(resource: Resource, namespace: string | undefined, name: string, signal: AbortSignal) {
      try {
        const found = await call(
          `getting ${nameOf(resource, namespace, name)}`,
          { method: 'GET', path: pathOf(resource, namespace, name) },
          signal,
        );
        return found as T;
      } catch (error) {
        if (isNoSuchObject(error)) return undefined;
        throw error;
      }
    },

    async list<T extends ObjectHead>(resource: Resource, options: ListOptions, signal: AbortSignal) {
      try {
        return await pages<T>(resource, options, signal);
      } catch (error) {
        // Between two pages the moment of the first was compacted away: all at once, then.
        if (!(error instanceof KubeError && error.code === 'Gone')) throw error;
        return await pages<T>(resource, { ...options, pageSize: 0 }, signal);
      }
    },

    async watch(resource, options, onEvent, signal) {
      const what = `watching ${resource.plural}${options.namespace === undefined ? '' : ` of ${options.namespace}`}`;
      const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, idleMs = WATCH_IDLE_MS, onOpen } = options;
      const query = { watch: true, allowWatchBookmarks: true, labelSelector, fieldSelector, resourceVersion, timeoutSeconds };
      const ended = new AbortController();
      const unfollow = follow(signal, ended);
      let watchdog: Timer | undefined;
      const heard = (withinMs: number) => {
        watchdog?.cancel();
        watchdog = clock.timer(withinMs, () => ended.abort(late(what, withinMs)));
      };
      const tell = (event: WatchEvent) => {
        try {
          onEvent(event);
        } catch (error) {
          ended.abort(error);
          throw error;
        }
      };
      try {
        heard(Math.min(callMs, idleMs));
        const request = { method: 'GET', path: withQuery(pathOf(resource, namespace), query) } as const;
        const { statusCode, headers, body } = await transport.send(request, ended.signal);
        if (statusCode !== 200) throw refusal(what, statusCode, headers, await body.text());
        heard(idleMs);
        onOpen?.();
        const lines = createLines();
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          heard(idleMs);
          for (const line of lines.push(chunk)) tell(eventOf(what, parse(what, line), clock.now()));
        }
        if (lines.rest() !== '') throw new KubeError('Unreachable', `${what}: cut off in the middle of an event`);
      } catch (error) {
        throw failure(what, error, ended.signal);
      } finally {
        watchdog?.cancel();
        unfollow();
      }
    },

    async log({ namespace, pod, container }, onLine, signal) {
      const what = `reading the log of ${nameOf(resources.pods, namespace, pod)}`;
      const ended = new AbortController();
      const unfollow = follow(signal, ended);
      // A kubelet begins its answer with the first line. From then on there may be silence for as long as the container has nothing to say.
      const watchdog = clock.timer(callMs, () => ended.abort(late(what, callMs)));
      let ours: { readonly error: unknown } | undefined;
      try {
        const path = withQuery(pathOf(resources.pods, namespace, pod, 'log'), { container, follow: true });
        const { statusCode, headers, body } = await transport.send({ method: 'GET', path }, ended.signal);
        if (statusCode !== 200) throw refusal(what, statusCode, headers, await body.text());
        watchdog.cancel();
        const lines = createLines();
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          for (const line of lines.push(chunk)) {
            try {
              await onLine(line);
            } catch (error) {
              ours = { error };
              throw error;
            }
          }
        }
      } catch (error) {
        throw ours === undefined ? failure(what, error, ended.signal) : ours.error;
      } finally {
        watchdog.cancel();
        unfollow();
      }
    },

    apply: (resource, object, { fieldManager, subresource, dryRun }, signal) => {
      const { namespace, name } = object.metadata;
      const query = { fieldManager, force: true, dryRun: dryRun ? 'All' : undefined };
      return write(
        `applying ${nameOf(resource, namespace, name, subresource)}`,
        {
          method: 'PATCH',
          path: withQuery(pathOf(resource, namespace, name, subresource), query),
          contentType: 'application/apply-patch+yaml',
          body: applyBody(object),
        },
        signal,
      );
    },

    create: (resource, object, signal) => {
      const { namespace, name } = object.metadata;
      return write(
        `creating ${nameOf(resource, namespace, name)}`,
        { method: 'POST', path: pathOf(resource, namespace), contentType: 'application/json', body: JSON.stringify(object) },
        signal,
      );
    },

    replace: (resource, object, { subresource }, signal) => {
      const { namespace, name } = object.metadata;
      return write(
        `replacing ${nameOf(resource, namespace, name, subresource)}`,
        {
          method: 'PUT',
          path: pathOf(resource, namespace, name, subresource),
          contentType: 'application/json',
          body: JSON.stringify(object),
        },
        signal,
      );
    },

    mergePatch: (resource, namespace, name, patch, { subresource }, signal) =>
      write(
        `patching ${nameOf(resource, namespace, name, subresource)}`,
        {
          method: 'PATCH',
          path: pathOf(resource, namespace, name, subresource),
          contentType: 'application/merge-patch+json',
          body: JSON.stringify(patch),
        },
        signal,
      ),

    async delete(resource, namespace, name, { uid, propagationPolicy }, signal) {
      const options = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
        ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      };
      try {
        await call(
          `deleting ${nameOf(resource, namespace, name)}`,
          {
            method: 'DELETE',
            path: pathOf(resource, namespace, name),
            contentType: 'application/json',
            body: JSON.stringify(options),
          },
          signal,
        );
      } catch (error) {
        if (!isNoSuchObject(error)) throw error;
      }
    },

    close: () => transport.close(),
  };
}

/** A page of a list as the server sends it: its items have no apiVersion and kind of their own. */
interface Page<T> {
  readonly apiVersion: string;
  readonly items?: readonly T[] | null;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

/** Items of the built-in kinds come without what they are, unlike those of a watch. */
function typed<T extends ObjectHead>({ kind }: Resource, item: T, { apiVersion }: Page<T>): T {
  return Object.hasOwn(item, 'kind') ? item : { ...item, apiVersion, kind };
}

function eventOf(what: string, parsed: unknown, now: number): WatchEvent {
  const { type, object } = parsed as { readonly type: string; readonly object: unknown };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object: object as ObjectHead };
    default: {
      const status = isStatus(object) && typeof object.code === 'number' ? object.code : 500;
      throw kubeErrorFor(what, status, object, undefined, now);
    }
  }
}

/** The object is not there; for a kind that is not there the server names no object. */
function isNoSuchObject(error: unknown): boolean {
  return error instanceof KubeError && error.code === 'NotFound' && error.reason === 'NotFound' && error.objectName !== undefined;
}

function late(what: string, afterMs: number): KubeError {
  return new KubeError('Unreachable', `${what}: nothing came from the API server within ${Math.round(afterMs / 1_000)} s`);
}

function nameOf({ kind }: Resource, namespace: string | undefined, name: string, subresource?: string): string {
  return `${subresource === undefined ? '' : `${subresource} of `}${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function withQuery(path: string, query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.append(name, String(value));
  return given.size === 0 ? path : `${path}?${given}`;
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message would quote the text.
    throw new KubeError('Failed', `${what}: answered with something else than JSON`);
  }
}

function tryParse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
