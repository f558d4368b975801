import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentRef } from '../api/names.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { readConnectionSecret, type ServerKind } from '../lib/connection-secret.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { Termination } from '../lib/termination.ts';
import { guardedStore } from './guarded.ts';
import { type OwnedStore, type Store, StoreError } from './port.ts';
import { createRedisStore } from './redis.ts';

/** Redis or Valkey, as connection Secrets lead to it. */
const redis: ServerKind = {
  what: 'the store',
  scheme: 'redis',
  tlsScheme: 'rediss',
  needsLogin: false,
  path: 'database',
  example: 'redis://user:password@host:6379/0 (rediss: for TLS)',
};

/** A store is asked this often whether it answers, and this often while it does not. */
const ASK_MS = 5_000;
const ASK_AGAIN_MS = 1_000;

/** The key of a connection Secret that accepts a store which forgets, where it says `true`. */
const ACCEPT_EVICTION = 'accept_eviction';

/**
 * Opens the store that the mounted connection Secret at `folder` names, as an agent's (see `guardedStore`); whenever its connection is lost, the Secret is read anew, so that a rotated
 * login needs no restart. Returns at once; the caller closes the store. Throws `InputError` as `readConnectionSecret`.
 */
export function openMountedStore(folder: string, agent: AgentRef, log: Log): OwnedStore {
  const presentAddress = () => readConnectionSecret(folder, redis);
  const store = createRedisStore({
    ...presentAddress(),
    presentAddress,
    onError: (error) => log.warn('there is no connection to the store; it is tried again and again', { error }),
  });
  const how = `accept that by ${ACCEPT_EVICTION}: "true" in the connection Secret of the store at ${folder}`;
  return guardedStore(store, { agent, log, acceptance: { how, isGiven: () => acceptsEviction(folder) } });
}

/** Whether the Secret says so; one that cannot be read does not. */
function acceptsEviction(folder: string): boolean {
  try {
    return readFileSync(join(folder, ACCEPT_EVICTION), 'utf8').trim() === 'true';
  } catch {
    return false;
  }
}

/** Whether a store answers and can be trusted, known also while nobody uses it. */
export interface StoreWatch {
  /** Resolves when it has answered once. Rejects with `Termination` (`StoreLoginRefused`) where it refuses the login before that, and with the signal's reason when that is aborted. */
  readonly firstAnswer: Promise<void>;
  /** Why it cannot be used, as of the last time it was asked; `undefined` while it can. */
  problem(): string | undefined;
}

/** Asks a store again and again whether it answers and takes writes, until the signal is aborted. */
export function watchStore(store: Store, clock: Clock, signal: AbortSignal): StoreWatch {
  let problem: string | undefined = 'the store has not answered yet';
  const first = Promise.withResolvers<void>();
  const watch = async () => {
    let answered = false;
    while (!signal.aborted) {
      try {
        await store.ping();
        problem = undefined;
        answered = true;
        first.resolve();
      } catch (error) {
        problem = messageOf(error);
        if (!answered && error instanceof StoreError && error.code === 'LoginRefused')
          throw new Termination('StoreLoginRefused', `${problem}; correct the connection Secret of the store`, { cause: error });
      }
      await sleep(clock, problem === undefined ? ASK_MS : ASK_AGAIN_MS, signal);
    }
  };
  watch().catch(first.reject);
  return { firstAnswer: first.promise, problem: () => problem };
}
