import { randomBytes } from 'node:crypto';
import { type Clock, sleep } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { backoffMs } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { isNamespaceTerminating, KubeError } from './kube-error.ts';
import { microTime } from './micro-time.ts';
import { apiVersionOf, type KubeObject, type ObjectHead, resources } from './resources.ts';

/** What happened to an object, for people who `kubectl describe` it. */
export interface EventReport {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, of a closed list; at most 128 bytes. */
  readonly reason: string;
  /** What was done about it or failed, CamelCase; at most 128 bytes. */
  readonly action: string;
  /** A sentence; cut to 1,024 bytes. No payload and no secret. */
  readonly note: string;
}

/** Writes events. They are for people: nothing depends on them. */
export interface EventRecorder {
  /** Returns at once; what fails is logged. To be called on transitions only: each call is an object in the cluster. */
  record(regarding: ObjectHead, report: EventReport): void;
  /** How many were written, given up because their namespace is going away, or lost. */
  counts(): EventCounts;
  /** Gives up what is not written yet. */
  close(): Promise<void>;
}

/** How the events of a recorder ended. */
export interface EventCounts {
  readonly written: number;
  readonly givenUp: number;
  readonly lost: number;
}

/** What a recorder works with. */
export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create'>;
  /** The name of this pod. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ x < 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Who reports. */
export const REPORTING_CONTROLLER = 'eventagent.dev/controller';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
const LONGEST_NOTE_BYTES = 1024;
const LONGEST_INSTANCE = 128;
const LONGEST_NAME = 253;
/** Events that wait for an API server that is away; more are lost. */
const MOST_PENDING = 200;
const TRIES = 5;
const BACKOFF = { firstMs: 1_000, longestMs: 15_000 };

/** A recorder of its own name. */
export function createEventRecorder({ client, instance, clock, log, random = Math.random }: EventRecorderOptions): EventRecorder {
  const closing = new AbortController();
  const pending = new Set<Promise<void>>();
  let [written, givenUp, lost] = [0, 0, 0];

  const write = async (event: KubeObject): Promise<void> => {
    for (let tries = 1; ; tries++) {
      try {
        await client.create(resources.events, event, closing.signal);
        return;
      } catch (error) {
        // A try whose answer got lost has made it.
        if (tries > 1 && error instanceof KubeError && error.reason === 'AlreadyExists') return;
        if (tries === TRIES || !isPassing(error)) throw error;
        await sleep(clock, backoffMs(BACKOFF, tries, random()), closing.signal);
      }
    }
  };

  const report = async (event: KubeObject, fields: Readonly<Record<string, unknown>>): Promise<void> => {
    try {
      await write(event);
      written++;
    } catch (error) {
      if (isGoingAway(error)) givenUp++;
      else {
        lost++;
        if (!closing.signal.aborted) log.warn('an event could not be written', { ...fields, error: messageOf(error) });
      }
    }
  };

  return {
    record(regarding, { type, reason, action, note }) {
      const { apiVersion, kind, metadata } = regarding;
      const fields = { kind, namespace: metadata.namespace, name: metadata.name, reason };
      if (closing.signal.aborted || pending.size >= MOST_PENDING) {
        lost++;
        return;
      }
      const { namespace = 'default', name, uid, resourceVersion } = metadata;
      const reporting = report(
        {
          apiVersion: apiVersionOf(resources.events),
          kind: resources.events.kind,
          metadata: { namespace, name: eventName(name) },
          eventTime: microTime(clock.now()),
          type,
          reason,
          action,
          note: cut(note, LONGEST_NOTE_BYTES),
          regarding: { apiVersion, kind, namespace: metadata.namespace, name, uid, resourceVersion },
          reportingController: REPORTING_CONTROLLER,
          reportingInstance: cut(instance, LONGEST_INSTANCE),
        },
        fields,
      ).finally(() => pending.delete(reporting));
      pending.add(reporting);
    },
    counts: () => ({ written, givenUp, lost }),
    async close() {
      closing.abort(new Error('the event recorder is closed'));
      await Promise.all(pending);
    },
  };
}

function isPassing(error: unknown): boolean {
  return error instanceof KubeError && ['Unreachable', 'Throttled', 'Failed'].includes(error.code);
}

/** Nothing can be made in a namespace that is being deleted, or is gone. */
function isGoingAway(error: unknown): boolean {
  return isNamespaceTerminating(error) || (error instanceof KubeError && error.code === 'NotFound');
}

/** A name of its own for each event. */
function eventName(name: string): string {
  const suffix = `.${randomBytes(8).toString('hex')}`;
  return `${name.slice(0, LONGEST_NAME - suffix.length).replace(/[-.]+$/, '')}${suffix}`;
}

/** The text, cut to so many bytes of UTF-8 between two characters. */
function cut(text: string, mostBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= mostBytes) return text;
  const mark = '…';
  let end = mostBytes - Buffer.byteLength(mark);
  // The second and later bytes of a character begin with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString()}${mark}`;
}
