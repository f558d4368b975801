import { count, flag, fromJson, listOf, name, object, optional } from '../api/json-shape.ts';
import type { AgentRef } from '../api/names.ts';
import { type RedriveCounts, redriveCounts } from '../api/redrive-progress.ts';
import { CodedError } from '../lib/errors.ts';
import type { CellKey, Store } from '../store/port.ts';
import type { Followed, FollowState } from './ends.ts';

/** All that a process must know which goes on with a redrive that another one had begun. */
export interface RedriveState {
  /** When it was begun, in milliseconds since the epoch: ages of dead letters count from then. */
  readonly startedAt: number;
  readonly counts: RedriveCounts;
  /** Identity of the dead letter that was counted last: it may not have been published or acknowledged. */
  readonly last?: string;
  readonly follow: FollowState;
}

/** Where a redrive writes down how far it is. Rejects with `StoreError`, or `JournalError`. */
export interface Journal {
  /** What was written last, `undefined` where nothing was. To be called first: whoever had read it before may not write any more. */
  read(): Promise<RedriveState | undefined>;
  write(state: RedriveState): Promise<void>;
}

/** `Taken`: another process goes on with the same redrive. */
export class JournalError extends CodedError<'Taken'> {}

/** How long after its last step a redrive can be gone on with. */
const KEPT_MS = 30 * 24 * 3_600_000;

/** A journal in the agent's store, by the name of the redrive. */
export function storedJournal(store: Pick<Store, 'readCell' | 'replaceCell'>, agent: AgentRef, redrive: string): Journal {
  const key: CellKey = { owner: agent, name: `redrive:${redrive}` };
  let version = 0;
  let written: string | undefined;
  const put = async (text: string) => {
    const result = await store.replaceCell(key, version, text, KEPT_MS);
    if (!result.written) throw new JournalError('Taken', 'another process goes on with this redrive');
    version = result.version;
    written = text;
  };
  return {
    async read() {
      const { stored } = await store.readCell(key);
      if (stored === undefined) return undefined;
      version = stored.version;
      // Another version of the same text: it is ours from now on.
      await put(stored.text);
      return fromJson(stored.text, redriveState);
    },
    async write(state) {
      const text = JSON.stringify(state);
      if (text !== written) await put(text);
    },
  };
}

const redriveState = object<RedriveState>({
  startedAt: count(0),
  counts: redriveCounts,
  last: optional(name),
  follow: object<FollowState>({
    underWay: listOf(object<Followed>({ event: name, gen: count(0) })),
    ended: object<FollowState['ended']>({ succeeded: count(0), discarded: count(0), deadAgain: count(0) }),
    recent: listOf(flag),
    notFollowed: count(0),
  }),
});
