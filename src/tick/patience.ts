import { BrokerError } from '../broker/port.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Termination } from '../lib/termination.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import { StoreError } from '../store/port.ts';

/** How long broker or store may be away before a tick gives up: its Job then starts another pod, after a while. */
export const PATIENCE_MS = 60_000;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** What waiting needs. */
export interface Patience {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Repeats a call to the store until it answers. Rejects with `Termination` where the store is away for too long, refuses the login or cannot be trusted, and with the signal's reason as soon as
 * that is aborted.
 */
export async function askingStore<T>(patience: Patience, call: () => Promise<T>): Promise<T> {
  const retry = retries(patience, 'the store does not answer');
  for (;;) {
    try {
      return await untilAborted(call(), patience.signal);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== 'Unreachable') throw new Termination(`Store${error.code}`, error.message, { cause: error });
      if (!(await retry(error.message))) throw new Termination('StoreUnreachable', error.message, { cause: error });
    }
  }
}

/**
 * Repeats a call to the broker until it succeeds. Rejects with `Termination` where the broker is away for too long or refuses the login, with the signal's reason as soon as that is
 * aborted, and with what else the call rejects with.
 */
export async function askingBroker<T>(patience: Patience, call: () => Promise<T>): Promise<T> {
  const retry = retries(patience, 'the broker does not answer');
  for (;;) {
    try {
      return await untilAborted(call(), patience.signal);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      if (error.code === 'LoginRefused') throw new Termination('BrokerLoginRefused', error.message, { cause: error });
      if (!(await retry(error.message))) throw new Termination('BrokerUnreachable', error.message, { cause: error });
    }
  }
}

/**
 * Repeats a publication until the broker has confirmed it; `false` where `over` says that it is too late for that. Rejects as `askingStore`; also where the agent's queue is
 * missing or full for so long.
 */
export async function publishing(
  patience: Patience,
  publish: () => Promise<'confirmed' | 'unroutable' | 'refused'>,
  over: () => boolean,
): Promise<boolean> {
  const retry = retries(patience, 'the broker has not taken the event');
  while (!over()) {
    const failure = await publishOnce(patience, publish);
    if (failure === undefined) return true;
    if (!(await retry(failure.message))) throw failure;
  }
  return false;
}

/** Why it was not confirmed; `undefined` where it was. */
async function publishOnce(
  { signal }: Patience,
  publish: () => Promise<'confirmed' | 'unroutable' | 'refused'>,
): Promise<Termination | undefined> {
  try {
    const outcome = await untilAborted(publish(), signal);
    if (outcome === 'confirmed') return undefined;
    return new Termination(
      'PublishRefused',
      outcome === 'refused'
        ? "the agent's queue takes no more events, or is shutting down: look at the queue"
        : "the agent's queue is not on the broker: look at the conditions of the agent",
    );
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    if (error.code === 'LoginRefused') throw new Termination('BrokerLoginRefused', error.message, { cause: error });
    return new Termination('BrokerUnreachable', error.message, { cause: error });
  }
}

/** Pauses between tries, each twice as long as the one before; `false` once the patience is at its end. The first failure goes to the log. */
function retries({ clock, log, signal }: Patience, what: string): (error: string) => Promise<boolean> {
  const giveUpAt = clock.now() + PATIENCE_MS;
  let pauseMs = FIRST_PAUSE_MS;
  return async (error) => {
    if (pauseMs === FIRST_PAUSE_MS) log.warn(`${what}; it is tried again and again`, { error });
    if (clock.now() + pauseMs > giveUpAt) return false;
    await sleep(clock, pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    return true;
  };
}
