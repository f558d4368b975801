import { type AgentRef, agentId } from '../api/names.ts';
import type { EventName, EventRecord } from '../api/record.ts';
import { RecordError, type RecordKey, type StoredRecord } from '../store/port.ts';
import { Claim, LEASE_MS, persistently } from './claim.ts';
import type { Outcome } from './outcome.ts';
import type { RunnerPorts } from './ports.ts';
import { MAX_RECORD_BYTES } from './record-size.ts';
import { openedRecord, SealError, type SealKey, sealedRecord } from './seal/seal.ts';
import type { Admission, Solo } from './solo.ts';
import { unpausedMs } from './staleness.ts';
import { type Copy, MAX_STARTS, takeDecision } from './take.ts';

/** What taking an event needs to know of its delivery. */
export interface TakeRequest {
  readonly agent: AgentRef;
  readonly eventKey: string;
  readonly event: EventName;
  readonly copy: Copy & { readonly tick?: boolean };
  /** Milliseconds since the epoch; an event without it has no TTL. */
  readonly publishedAt: number | undefined;
  readonly ttlMs: number;
  readonly retentionMs: number;
  /** How long the delivery may wait, where its event must run alone, until nothing else runs. */
  readonly idleWaitMs: number;
  /** Told when such a wait is over and the run begins: the time for it counts from then. */
  readonly onAlone: () => void;
  /** The keys that what is recorded of the event is encrypted with; none where it is not. */
  readonly sealKeys: readonly SealKey[];
  /** The longest that a delivery may be held. */
  readonly hold: AbortSignal;
}

/** An event that was taken: run it, or, where an outcome is given, settle it by that. */
export interface Taken {
  readonly claim: Claim;
  readonly admission: Admission;
  readonly outcome?: Outcome;
}

/** Takes an event: one round trip where it is new. Rejects with the hold signal's reason while the store is away. */
export async function takeEvent(ports: RunnerPorts, solo: Solo, request: TakeRequest): Promise<Taken | { readonly outcome: Outcome }> {
  const admission = solo.admit();
  if (admission === undefined) return { outcome: { kind: 'wait', reason: 'Busy' } };
  let taken: Taken | undefined;
  try {
    const result = await takeAdmitted(ports, request, admission);
    if ('claim' in result) taken = result;
    return result;
  } catch (error) {
    // Given back to the broker it would come again at once, until the broker gives it up.
    if (!(error instanceof RecordError)) throw error;
    ports.log.warn('the record of an event cannot be read; the event waits, and is looked at again', {
      eventId: request.event.id,
      error: error.message,
    });
    return { outcome: { kind: 'wait', reason: 'UnreadableRecord' } };
  } finally {
    if (taken === undefined) admission.release();
  }
}

async function takeAdmitted(
  ports: RunnerPorts,
  request: TakeRequest,
  admission: Admission,
): Promise<Taken | { readonly outcome: Outcome }> {
  const { store, clock, log } = ports;
  const { hold } = request;
  const key: RecordKey = { agent: request.agent, event: request.eventKey };
  const fence = ports.newFence();
  const overdue = isOverdue(request, clock.now());
  let stored: StoredRecord | undefined;
  let now = clock.now();
  if (overdue) ({ stored, now } = await persistently(clock, hold, () => store.read(key)));
  for (;;) {
    const decision = takeDecision(stored, request.copy, request.event, fence, now);
    if (decision.do === 'drop') return { outcome: { kind: 'duplicate' } };
    if (decision.do === 'wait') return { outcome: { kind: 'wait', reason: 'Leased' } };
    const stale = decision.do === 'run' && overdue && !hasCheckpoint(decision.next) && (await isStale(ports, request, now));
    if (stale && stored === undefined && !request.copy.tick) return { outcome: { kind: 'stale' } };
    const opened = decision.do === 'run' && !stale ? openedFor(key, decision.next, request.sealKeys) : { record: decision.next };
    if ('failed' in opened) {
      log.warn('what is recorded of an event cannot be opened; the event waits, and is looked at again', {
        eventId: request.event.id,
        error: opened.failed.message,
      });
      return { outcome: { kind: 'wait', reason: 'SealedRecord' } };
    }
    if (!stale && decision.do === 'run' && decision.alone) {
      const version = stored?.version;
      const candidate = {
        id: `${agentId(request.agent)}/${request.eventKey}`,
        waitMs: request.idleWaitMs,
        isWaiting: async () => (await store.read(key)).stored?.version === version,
      };
      if (!(await admission.alone(candidate, hold))) return { outcome: { kind: 'wait', reason: 'Busy' } };
      request.onAlone();
    }
    const write =
      stale || decision.do === 'expire'
        ? { record: stale ? staleRecord(decision.next, now) : decision.next, leaseMs: 0, expireMs: request.retentionMs }
        : { record: decision.next, leaseMs: LEASE_MS };
    const version = stored?.version ?? 0;
    const result = await persistently(clock, hold, () => store.replace(key, version, write));
    // A write whose answer was lost is found under our own fence.
    if (result.written || result.stored?.record.fence === fence) {
      if (stale) return { outcome: { kind: 'stale' } };
      if (decision.do === 'expire') return { outcome: { kind: 'expired' } };
      const tooLarge = (wholeBytes: number) =>
        log.warn(
          'the record of an event is too large to keep its answer; where the run is not finished by this process, it is bought again',
          {
            eventId: request.event.id,
            wholeBytes,
            mostBytes: MAX_RECORD_BYTES,
          },
        );
      const seal = (record: EventRecord) => sealedRecord(record, key, request.sealKeys);
      const claim = new Claim(store, clock, key, opened.record, hold, { onTooLarge: tooLarge, seal });
      return {
        claim,
        admission,
        ...ended(decision.next, decision.do === 'repeat' ? { kind: 'decided', decision: decision.decision } : undefined),
      };
    }
    stored = result.stored;
    now = result.now;
  }
}

/** The record with its content, or why it cannot be had. */
function openedFor(
  key: RecordKey,
  record: EventRecord,
  keys: readonly SealKey[],
): { readonly record: EventRecord } | { readonly failed: SealError } {
  try {
    return { record: openedRecord(record, key, keys) };
  } catch (failed) {
    if (!(failed instanceof SealError)) throw failed;
    return { failed };
  }
}

function ended(record: EventRecord, decided: Outcome | undefined): { readonly outcome?: Outcome } {
  if (decided !== undefined) return { outcome: decided };
  if (record.starts <= MAX_STARTS) return {};
  return {
    outcome: {
      kind: 'permanent',
      reason: 'CrashLoop',
      error: `${record.starts - 1} runs of this event were begun and did not come to an end: the process died, stood still, or failed in a way that nobody foresaw`,
    },
  };
}

function staleRecord(record: EventRecord, now: number): EventRecord {
  return { ...record, phase: 'done', starts: 0, result: { outcome: 'stale', endedAt: now } };
}

function hasCheckpoint(record: EventRecord): boolean {
  return record.turn !== undefined || Object.keys(record.outputs).length > 0;
}

function isOverdue({ publishedAt, ttlMs }: TakeRequest, now: number): boolean {
  return publishedAt !== undefined && now - publishedAt > ttlMs;
}

/** Overdue by the store's clock, and still so without the agent's own pauses: no event is given up because the clock of one process is ahead. */
async function isStale({ store, clock }: RunnerPorts, { agent, publishedAt, ttlMs, hold }: TakeRequest, now: number): Promise<boolean> {
  if (publishedAt === undefined) return false;
  const pauses = await persistently(clock, hold, () => store.pausesSince(agent, publishedAt));
  return unpausedMs(publishedAt, now, pauses) > ttlMs;
}
