import type { AgentRef } from '../api/names.ts';
import type { Log } from '../lib/log.ts';
import { LOST, type Store, StoreError, type StoreState } from './port.ts';

/** What an agent says of the store that it is given. */
export interface Trust {
  readonly agent: AgentRef;
  readonly log: Log;
  /** How somebody can say that the server may evict what it was told, for people, and whether somebody has; asked whenever it would. Without it nobody can. */
  readonly acceptance?: { readonly how: string; readonly isGiven: () => boolean };
}

/**
 * A store that an agent takes events by only while its memory can be trusted. `ping` rejects, and so does what events are taken by (`replace`, `read`, `pausesSince`),
 * - with `Unsafe` where the server may evict what it was told, unless that is accepted;
 * - with `Lost` where its memory is not the one that it was at the first call, of this process or of one that goes on: it was emptied, or another server stands in its place; until somebody
 *   acknowledges that.
 *
 * That it was emptied is seen by the very write that would take an event, whenever it happened, at no further round trip; the other two, which few events need, take one more. What is under way goes on as far as its records are there. The first epoch is whatever is
 * found, unless one that knew another has seen it first: where every process begins after the loss, none knows of it.
 */
export function guardedStore<Guarded extends Store>(store: Guarded, { agent, log, acceptance }: Trust): Guarded {
  let epoch: string | undefined;
  let unsafe: string | undefined;
  let told: string | undefined;
  const tellOnce = (message: string) => {
    if (told !== message) log.warn(message);
    told = message;
  };

  const ping = async () => {
    const state = await store.inspect(agent, epoch);
    const isLost = epoch === undefined ? state.lost : state.epoch !== epoch;
    if (isLost && !state.acknowledged) throw new StoreError('Lost', lostMessage(agent));
    if (isLost)
      log.warn('the store has lost what it was told, and somebody has acknowledged that: events are run as if none had been before');
    epoch = state.epoch;
    unsafe = unsafeMessage(state, acceptance?.how);
    if (state.eviction === 'unknown')
      tellOnce(
        'the store does not say whether it evicts what it was told (INFO is refused): see to it that its maxmemory-policy is noeviction',
      );
    if (unsafe === undefined) return;
    if (!acceptance?.isGiven()) throw new StoreError('Unsafe', unsafe);
    tellOnce(`it is accepted that the store may evict what it was told: an event may then be run twice (${policyOf(state)})`);
    unsafe = undefined;
  };
  /** What an emptied memory says is nothing to go by: the question after it tells whether it was one. */
  const trusted = async <T>(answer: Promise<T>): Promise<T> => {
    const said = await answer;
    await ping();
    return said;
  };
  return {
    ...store,
    ping,
    read: (key) => trusted(store.read(key)),
    pausesSince: (agent, since) => trusted(store.pausesSince(agent, since)),
    replace: async (key, expectedVersion, write) => {
      if (epoch === undefined) await ping();
      if (unsafe !== undefined) throw new StoreError('Unsafe', unsafe);
      return store.replace(key, expectedVersion, write, epoch);
    },
  };
}

function lostMessage({ namespace, name }: AgentRef): string {
  return `${LOST}; run \`eventagent store acknowledge ${namespace}/${name}\` to go on as if none had been: what is redelivered or sent again is then run again`;
}

function policyOf({ eviction }: StoreState): string {
  return typeof eviction === 'string' ? eviction : `maxmemory-policy ${eviction.policy}, maxmemory ${eviction.maxBytes} bytes`;
}

function unsafeMessage(state: StoreState, howToAccept: string | undefined): string | undefined {
  if (typeof state.eviction === 'string') return undefined;
  return `StoreUnsafe: the store evicts what it was told where its memory is full (${policyOf(state)}), and an event could be run twice: set its maxmemory-policy to noeviction${howToAccept === undefined ? '' : `, or ${howToAccept}`}`;
}
