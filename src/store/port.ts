import type { AgentRef } from '../api/names.ts';
import type { Receipt } from '../api/receipt.ts';
import type { EventRecord } from '../api/record.ts';
import { CodedError } from '../lib/errors.ts';

/** Names one record: an agent and the digest of the event's idempotency key. */
export interface RecordKey {
  readonly agent: AgentRef;
  readonly event: string;
}

/** A record as it stands in the store. All times are the store's own, in milliseconds since the epoch. */
export interface StoredRecord {
  readonly record: EventRecord;
  /** Counts the writes; never 0. */
  readonly version: number;
  /** Until when the holder of the fence may work; in the past once the lease has ended or was given up. */
  readonly leaseUntil: number;
}

/** A record to be written, whole. */
export interface RecordWrite {
  readonly record: EventRecord;
  /** Length of the lease from now; 0 gives it up. */
  readonly leaseMs: number;
  /** Time after which the record is forgotten; without it the record stays. */
  readonly expireMs?: number;
}

/** What whoever holds the fence writes. */
export interface RecordUpdate extends RecordWrite {
  /** Counts the taker's writes, from 1; a repetition has the number of what it repeats. */
  readonly number: number;
}

/** What came of a conditional write: done, or what stands in the way (`stored` is missing where there is no record). */
export type WriteResult =
  | { readonly written: true; readonly now: number }
  | { readonly written: false; readonly now: number; readonly stored: StoredRecord | undefined };

/** A span in which an agent took nothing, through no fault of its events. */
export interface Pause {
  readonly from: number;
  readonly until: number;
}

/** The event that a schedule has published last, or was about to: what its next tick asks after. */
export interface LastTick {
  readonly eventId: string;
  /** Milliseconds since the epoch: what has not been taken by then is not taken any more. */
  readonly expiresAt: number;
}

/** Names one value that processes share: of an agent, or of all agents of a namespace. */
export interface CellKey {
  readonly owner: AgentRef | { readonly namespace: string; readonly name?: never };
  readonly name: string;
}

/** A shared value as it stands in the store: a text, which whoever writes it gives its meaning. */
export interface StoredCell {
  readonly text: string;
  /** Grows with each write, also over a time in which there was none; never 0. */
  readonly version: number;
}

/** What came of a conditional write of a cell. `now` is the store's own time. */
export type CellWriteResult =
  | { readonly written: true; readonly now: number; readonly version: number }
  | { readonly written: false; readonly now: number; readonly stored: StoredCell | undefined };

/** What an agent has to know of its store before it trusts it. */
export interface StoreState {
  /** What the server forgets by itself where its memory is full; `unknown` where it does not say. */
  readonly eviction: 'none' | 'unknown' | { readonly policy: string; readonly maxBytes: number };
  /** Names the agent's memory, from the first question on: another one means that what was remembered is gone. */
  readonly epoch: string;
  /** Whether somebody who knew another memory has asked for this one: what he knew of is gone. */
  readonly lost: boolean;
  /** Whether somebody has said that the agent may go on with this memory, whatever it has lost. */
  readonly acknowledged: boolean;
}

/** Memory that outlives a process and is shared by replicas. Every method is one round trip, atomic, and rejects with `StoreError`; what gives a record, with `RecordError`, too. */
export interface Store {
  read(key: RecordKey): Promise<{ readonly now: number; readonly stored: StoredRecord | undefined }>;
  /**
   * Writes if the record still has this version (0: there is none). How an event is taken. With an `epoch` it rejects with `Lost`, and writes nothing, where the agent's memory is
   * another one by now.
   */
  replace(key: RecordKey, expectedVersion: number, write: RecordWrite, epoch?: string): Promise<WriteResult>;
  /**
   * Writes if the record still carries this fence. How the taker goes on; may be repeated after an unknown result. What arrives after a write of a higher number changes nothing:
   * it was overtaken, by its own repetition and what followed, and `written` says that it or a later write of the taker's is there. A write of either kind that has a receipt files
   * it, too, and adds to the day what the event has cost more than before.
   */
  update(key: RecordKey, fence: string, write: RecordUpdate): Promise<{ readonly written: boolean }>;
  /** Extends the lease if the record still carries this fence, even where the lease had run out. One that arrives after the lease was given up changes nothing. */
  renew(key: RecordKey, fence: string, leaseMs: number): Promise<{ readonly renewed: boolean }>;
  /** Lets a record, and its receipt, be forgotten `expireMs` later, if it still has this version, and keeps it where it is written before. May be repeated. */
  expire(key: RecordKey, expectedVersion: number, expireMs: number): Promise<{ readonly expires: boolean }>;
  /** The receipts of the agent's events that have ended at `since` or later, the newest first: of its last `MOST_RECEIPTS` ends, those whose records are still there. */
  receipts(agent: AgentRef, since: number): Promise<readonly Receipt[]>;
  /**
   * What the agent's events have cost on the present day (UTC, by the store's clock), in nano-USD: what the writes of that day have added to what their records say was spent,
   * whatever has become of the records since. `'unknown'` where a call without a known price is among it.
   */
  costToday(agent: AgentRef): Promise<number | 'unknown'>;
  /** Takes the agent's lease of that name for a while, unless it is taken already. Nobody gives it back. */
  lease(agent: AgentRef, name: string, leaseMs: number): Promise<{ readonly taken: boolean }>;
  /**
   * Remembers a pause of the agent, for as long as an event may live. Pauses may overlap. `by` names the process that pauses: the pause that it began at the same time before
   * is this one, and it ends at the later of the two. May be repeated.
   */
  addPause(agent: AgentRef, pause: Pause, by: string): Promise<void>;
  /** The pauses that reach beyond `since`, in no order. */
  pausesSince(agent: AgentRef, since: number): Promise<readonly Pause[]>;
  /** The last tick of a schedule of the agent's, by the schedule's uid. */
  lastTick(agent: AgentRef, schedule: string): Promise<LastTick | undefined>;
  /**
   * Remembers another last tick, if the one that is known is still the event `expected` (`undefined`: there is none), or is `next` already: may be repeated after an unknown
   * result. Forgotten a month after it expired.
   */
  replaceLastTick(agent: AgentRef, schedule: string, expected: string | undefined, next: LastTick): Promise<{ readonly written: boolean }>;
  readCell(key: CellKey): Promise<{ readonly now: number; readonly stored: StoredCell | undefined }>;
  /** Writes if the cell still has this version (0: there is none); it is forgotten `expireMs` later. After an unknown result it is to be read anew. */
  replaceCell(key: CellKey, expectedVersion: number, text: string, expireMs: number): Promise<CellWriteResult>;
  /** Resolves if the store answers and takes writes. How one learns, without work of its own, that a store is gone or back. */
  ping(): Promise<void>;
  /** The state of the agent's memory, which gets its epoch by the first question; `known` is the epoch that whoever asks knows. Rejects as `ping`. */
  inspect(agent: AgentRef, known?: string): Promise<StoreState>;
  /** Says that the agent may go on with the memory that there is, whatever it has lost; not `acknowledged` where nobody has asked for it yet. `lost` as in its state. May be repeated. */
  acknowledge(agent: AgentRef): Promise<Pick<StoreState, 'acknowledged' | 'lost'>>;
}

/** A store that can be closed. `close` never rejects, and may be repeated. */
export interface OwnedStore extends Store {
  close(): Promise<void>;
}

/**
 * `Unreachable`: the store did not answer; whether a write took effect is then unknown. `LoginRefused`: it knows no such user, or another password.
 * `Unsafe`: it may forget by itself what it was told. `Lost`: it has forgotten what it was told.
 */
export class StoreError extends CodedError<'Unreachable' | 'LoginRefused' | 'Unsafe' | 'Lost'> {}

/** `Unreadable`: what lies in the place of a record is none, and stays so however often it is read. Rejects what reads or replaces it. */
export class RecordError extends CodedError<'Unreadable'> {}

/** Of each agent this many ends are kept in order; a receipt has some 350 bytes. */
export const MOST_RECEIPTS = 10_000;

/** The day of a moment, counted from the epoch (UTC). */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** So long is a day. */
export const DAY_MS = 24 * 3_600_000;

/** The message of a memory that is another one than it was. */
export const LOST = 'StoreLost: the store has lost what it was told, so that nothing is known of the events that were run';

/** How long after its expiry a last tick is remembered: a run that takes longer is past every deadline. */
export const LAST_TICK_RETENTION_MS = 30 * 24 * 3_600_000;

/** Pauses older than this concern no event any more: the longest TTL is seven days. */
export const PAUSE_RETENTION_MS = 8 * 24 * 3_600_000;
