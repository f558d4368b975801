import { randomUUID } from 'node:crypto';
import { type AgentRef, agentId } from '../api/names.ts';
import { receiptOf } from '../api/receipt.ts';
import type { EventRecord } from '../api/record.ts';
import type { Clock } from '../lib/clock.ts';
import {
  type CellKey,
  dayOf,
  type LastTick,
  LOST,
  MOST_RECEIPTS,
  type OwnedStore,
  PAUSE_RETENTION_MS,
  type Pause,
  type RecordKey,
  type RecordWrite,
  type StoredCell,
  type StoredRecord,
  StoreError,
} from './port.ts';

interface Entry extends StoredRecord {
  readonly expiresAt: number;
  /** Of the last write under the fence; 0 for the one that took the event. */
  readonly number: number;
}

/** A store in this process's memory: for `eventagent dev` and tests. It forgets everything with the process. */
export function createMemoryStore(clock: Clock): OwnedStore {
  const records = new Map<string, Entry>();
  const pauses = new Map<string, (Pause & { readonly by: string })[]>();
  const lastTicks = new Map<string, LastTick>();
  const cells = new Map<string, StoredCell & { readonly expiresAt: number }>();
  const leases = new Map<string, number>();
  const costs = new Map<string, { readonly day: number; readonly nanoUsd: number; readonly hasUnknown: boolean }>();
  const epochs = new Map<string, { readonly epoch: string; readonly lost: boolean; readonly acknowledged: boolean }>();

  const idOf = (key: RecordKey) => `${agentId(key.agent)}/${key.event}`;
  const lookUp = (key: RecordKey): Entry | undefined => {
    const id = idOf(key);
    const entry = records.get(id);
    if (entry === undefined || entry.expiresAt > clock.now()) return entry;
    records.delete(id);
    return undefined;
  };
  const book = (key: RecordKey, before: EventRecord | undefined, { spent }: EventRecord) => {
    const turnsBefore = before?.spent?.turns ?? 0;
    if (spent === undefined || spent.turns <= turnsBefore) return;
    const day = dayOf(clock.now());
    const known = costs.get(agentId(key.agent));
    const { nanoUsd, hasUnknown } = known === undefined || known.day < day ? { nanoUsd: 0, hasUnknown: false } : known;
    const costBefore = before?.spent?.costNanoUsd ?? 0;
    costs.set(agentId(key.agent), {
      day: Math.max(day, known?.day ?? day),
      nanoUsd: spent.costNanoUsd === 'unknown' || costBefore === 'unknown' ? nanoUsd : nanoUsd + spent.costNanoUsd - costBefore,
      hasUnknown: hasUnknown || spent.costNanoUsd === 'unknown',
    });
  };
  const put = (key: RecordKey, before: Entry | undefined, write: RecordWrite, number: number) => {
    const now = clock.now();
    const version = (before?.version ?? 0) + 1;
    book(key, before?.record, write.record);
    records.set(idOf(key), {
      record: structuredClone(write.record),
      version,
      number,
      leaseUntil: write.leaseMs === 0 ? 0 : now + write.leaseMs,
      expiresAt: write.expireMs === undefined ? Number.POSITIVE_INFINITY : now + write.expireMs,
    });
    sweep(now);
  };

  const cellId = ({ owner, name }: CellKey) => `${owner.namespace}/${owner.name ?? ''}/${name}`;
  const lookUpCell = (key: CellKey): StoredCell | undefined => {
    const cell = cells.get(cellId(key));
    return cell === undefined || cell.expiresAt <= clock.now() ? undefined : { text: cell.text, version: cell.version };
  };

  let nextSweep = 0;
  /** Drops expired records now and then; without it a long `dev` session would keep each event for ever. */
  const sweep = (now: number) => {
    if (now < nextSweep) return;
    nextSweep = now + 60_000;
    for (const [id, entry] of records) if (entry.expiresAt <= now) records.delete(id);
  };

  /** A caller never sees an answer in the same turn of the event loop as its question, as with a real store. */
  const answer = <T>(compute: () => T) =>
    new Promise<T>((resolve, reject) => {
      clock.timer(0, () => {
        try {
          resolve(compute());
        } catch (error) {
          reject(error);
        }
      });
    });

  return {
    read: (key) => answer(() => ({ now: clock.now(), stored: lookUp(key) })),
    replace: (key, expectedVersion, write, epoch) =>
      answer(() => {
        if (epoch !== undefined && epochs.get(agentId(key.agent))?.epoch !== epoch) throw new StoreError('Lost', LOST);
        const now = clock.now();
        const stored = lookUp(key);
        if ((stored?.version ?? 0) !== expectedVersion) return { written: false, now, stored };
        put(key, stored, write, 0);
        return { written: true, now };
      }),
    update: (key, fence, write) =>
      answer(() => {
        const stored = lookUp(key);
        if (stored?.record.fence !== fence) return { written: false };
        if (write.number >= stored.number) put(key, stored, write, write.number);
        return { written: true };
      }),
    renew: (key, fence, leaseMs) =>
      answer(() => {
        const stored = lookUp(key);
        if (stored?.record.fence !== fence) return { renewed: false };
        if (stored.leaseUntil === 0) return { renewed: true };
        records.set(idOf(key), { ...stored, version: stored.version + 1, leaseUntil: clock.now() + leaseMs });
        return { renewed: true };
      }),
    expire: (key, expectedVersion, expireMs) =>
      answer(() => {
        const stored = lookUp(key);
        if (stored?.version !== expectedVersion) return { expires: false };
        records.set(idOf(key), { ...stored, expiresAt: clock.now() + expireMs });
        return { expires: true };
      }),
    receipts: (agent, since) =>
      answer(() => {
        const prefix = `${agentId(agent)}/`;
        const now = clock.now();
        const all = [...records].flatMap(([id, { record, expiresAt }]) =>
          id.startsWith(prefix) && expiresAt > now ? (receiptOf(record) ?? []) : [],
        );
        const newest = all.toSorted((a, b) => b.endedAt - a.endedAt).slice(0, MOST_RECEIPTS);
        return newest.filter(({ endedAt }) => endedAt >= since);
      }),
    costToday: (agent) =>
      answer(() => {
        const known = costs.get(agentId(agent));
        if (known === undefined || known.day < dayOf(clock.now())) return 0;
        return known.hasUnknown ? 'unknown' : known.nanoUsd;
      }),
    lease: (agent, name, leaseMs) =>
      answer(() => {
        const id = `${agentId(agent)}/${name}`;
        const now = clock.now();
        if ((leases.get(id) ?? 0) > now) return { taken: false };
        leases.set(id, now + leaseMs);
        return { taken: true };
      }),
    addPause: (agent: AgentRef, pause, by) =>
      answer(() => {
        const oldest = clock.now() - PAUSE_RETENTION_MS;
        const known = (pauses.get(agentId(agent)) ?? []).filter(({ until }) => until > oldest);
        const isSame = (other: (typeof known)[number]) => other.by === by && other.from === pause.from;
        const until = Math.max(pause.until, ...known.filter(isSame).map((same) => same.until));
        pauses.set(agentId(agent), [...known.filter((other) => !isSame(other)), { ...pause, until, by }]);
      }),
    pausesSince: (agent, since) =>
      answer(() => (pauses.get(agentId(agent)) ?? []).flatMap(({ from, until }) => (until > since ? [{ from, until }] : []))),
    lastTick: (agent, schedule) => answer(() => lastTicks.get(`${agentId(agent)}/${schedule}`)),
    replaceLastTick: (agent, schedule, expected, next) =>
      answer(() => {
        const id = `${agentId(agent)}/${schedule}`;
        const known = lastTicks.get(id)?.eventId;
        if (known !== expected && known !== next.eventId) return { written: false };
        lastTicks.set(id, next);
        return { written: true };
      }),
    readCell: (key) => answer(() => ({ now: clock.now(), stored: lookUpCell(key) })),
    replaceCell: (key, expectedVersion, text, expireMs) =>
      answer(() => {
        const now = clock.now();
        const stored = lookUpCell(key);
        if ((stored?.version ?? 0) !== expectedVersion) return { written: false, now, stored };
        const version = Math.max(now, (stored?.version ?? 0) + 1);
        cells.set(cellId(key), { text, version, expiresAt: now + expireMs });
        return { written: true, now, version };
      }),
    ping: () => answer(() => {}),
    inspect: (agent, known) =>
      answer(() => {
        const found = epochs.get(agentId(agent)) ?? { epoch: randomUUID(), lost: false, acknowledged: false };
        const state = { ...found, lost: found.lost || (known !== undefined && known !== found.epoch) };
        epochs.set(agentId(agent), state);
        return { eviction: 'none', ...state };
      }),
    acknowledge: (agent) =>
      answer(() => {
        const known = epochs.get(agentId(agent));
        if (known !== undefined) epochs.set(agentId(agent), { ...known, acknowledged: true });
        return { acknowledged: known !== undefined, lost: known?.lost ?? false };
      }),
    close: async () => {
      for (const memory of [records, pauses, lastTicks, cells, leases, costs, epochs]) memory.clear();
    },
  };
}
