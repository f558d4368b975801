import { brokerNames } from '../api/names.ts';
import type { RedriveConfiguration } from '../api/redrive-configuration.ts';
import type { RedriveOutcome, RedriveProgress } from '../api/redrive-progress.ts';
import { type BrokerConnection, BrokerError } from '../broker/port.ts';
import { isMeant } from '../dead-letters/filter.ts';
import { DeadLetterError } from '../dead-letters/reading.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { Termination } from '../lib/termination.ts';
import { type Store, StoreError } from '../store/port.ts';
import { estimatedCost } from './estimated-cost.ts';
import { storedJournal } from './journal.ts';
import { redrive } from './redrive.ts';
import { RedriveError } from './redrive-error.ts';

/** What the redrive of a DeadLetterRedrive works with. */
export interface RunRedrivePorts {
  readonly connection: BrokerConnection;
  readonly store: Pick<Store, 'read' | 'readCell' | 'replaceCell' | 'receipts'>;
  readonly clock: Clock;
  readonly connect: () => AbortSignal;
  readonly onProgress: (progress: RedriveProgress) => void;
}

/** What the codes of a redrive that has stopped are as outcomes. */
const stops: Readonly<Partial<Record<RedriveError['code'], RedriveOutcome>>> = {
  FailureRateHigh: 'failure-rate',
  NoProgress: 'no-progress',
  RecordsUnreadable: 'records-unreadable',
};

/**
 * Carries out a DeadLetterRedrive, or goes on with it. Resolves with how it ended. Rejects with the reason of `stop`, `JournalError`, or `Termination` where broker or store are away,
 * where a queue is missing or takes no more; begun again, it goes on where it was.
 */
export async function runRedrive(
  { redrive: { uid }, agent, prefix, filter, dryRun, limit, eventsPerMinute, stopAtFailurePercent, outcomeTimeoutMs }: RedriveConfiguration,
  { connection, store, clock, connect, onProgress }: RunRedrivePorts,
  stop: AbortSignal,
): Promise<RedriveProgress> {
  let progress: RedriveProgress = { counts: { depth: 0, redriven: 0, superseded: 0, copies: 0, withOpenIntents: 0 } };
  try {
    await redrive(
      {
        agent,
        names: brokerNames(agent, prefix),
        isMeant: (letter, startedAt) => isMeant(letter, filter, startedAt),
        dryRun,
        ...(limit === undefined ? {} : { limit }),
        intervalMs: dryRun ? 0 : 60_000 / eventsPerMinute,
        follow: { stopAtFailurePercent, timeoutMs: outcomeTimeoutMs },
      },
      {
        connection,
        store,
        clock,
        connect,
        onProgress: (counts) => {
          progress = { counts };
          onProgress(progress);
        },
        ...(dryRun ? {} : { journal: storedJournal(store, agent, uid) }),
        stop,
      },
    );
    const cost = dryRun ? estimatedCost(progress.counts.redriven, await store.receipts(agent, 0)) : undefined;
    return { ...progress, outcome: 'complete', ...(cost === undefined ? {} : { estimatedCostNanoUsd: cost }) };
  } catch (error) {
    const outcome = error instanceof RedriveError ? stops[error.code] : undefined;
    if (outcome !== undefined) return { ...progress, outcome, message: messageOf(error) };
    throw terminationOf(error);
  }
}

/** What another pod may mend, said so that the operator can read it. */
function terminationOf(error: unknown): unknown {
  if (error instanceof BrokerError)
    return new Termination(error.code === 'LoginRefused' ? 'BrokerLoginRefused' : 'BrokerUnreachable', error.message, { cause: error });
  if (error instanceof StoreError) return new Termination(`Store${error.code}`, error.message, { cause: error });
  if (error instanceof DeadLetterError) return new Termination('PublishRefused', error.message, { cause: error });
  if (error instanceof RedriveError)
    return new Termination(error.code === 'PublishUnknown' ? 'BrokerUnreachable' : 'PublishRefused', error.message, { cause: error });
  return error;
}
