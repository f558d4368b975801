import { type AgentRef, brokerNames } from '../../api/names.ts';
import { isMeant } from '../../dead-letters/filter.ts';
import { systemClock } from '../../lib/clock.ts';
import { CodedError, messageOf } from '../../lib/errors.ts';
import { type RedriveCounts, redrive } from '../../redrive/redrive.ts';
import { type BrokerFlags, type FilterFlags, filterOf } from '../dlq/flags.ts';
import { connectDeadline, type StoreFlags, withBroker, withStore } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';
import { counted } from '../text-table.ts';

/** The flags of `eventagent redrive`. */
export interface RedriveOptions extends BrokerFlags, FilterFlags, StoreFlags {
  readonly dryRun: boolean;
  /** Milliseconds from one event to the next. */
  readonly rate?: number;
  readonly limit?: number;
  readonly json: boolean;
}

/** How often it says how far it is. */
const PROGRESS_MS = 5_000;

/** `eventagent redrive NAMESPACE/NAME`: runs dead letters again. What was done is told also where it could not go on; then it throws why. */
export async function redriveCommand(agent: AgentRef, options: RedriveOptions, terminal: Terminal): Promise<void> {
  const clock = systemClock;
  const startedAt = clock.now();
  const filter = filterOf(options);
  let counts: RedriveCounts | undefined;
  let toldAt = startedAt;
  const onProgress = (now: RedriveCounts) => {
    counts = now;
    if (clock.now() - toldAt < PROGRESS_MS) return;
    toldAt = clock.now();
    terminal.err(summary(agent, now, options.dryRun));
  };
  const finish = (error?: unknown) => {
    if (counts === undefined) return;
    if (!options.json) terminal.out(summary(agent, counts, options.dryRun));
    else terminal.out(JSON.stringify(asJson(agent, counts, options.dryRun, error)));
  };
  try {
    counts = await withStore(agent, options, (store) =>
      withBroker(options, (connection) =>
        redrive(
          {
            agent,
            names: brokerNames(agent, options.prefix),
            isMeant: (letter) => isMeant(letter, filter, startedAt),
            dryRun: options.dryRun,
            intervalMs: options.rate ?? 0,
            ...(options.limit === undefined ? {} : { limit: options.limit }),
          },
          { connection, store, clock, connect: connectDeadline, onProgress },
        ),
      ),
    );
  } catch (error) {
    if (error instanceof CodedError) finish(error);
    throw error;
  }
  finish();
}

function leftOf({ depth, redriven, superseded, copies }: RedriveCounts): number {
  return depth - redriven - superseded - copies;
}

function summary({ namespace, name }: AgentRef, counts: RedriveCounts, dryRun: boolean): string {
  const { depth, redriven, superseded, copies, withOpenIntents } = counts;
  const resent = `${withOpenIntents} of them with an output whose answer is not known: it is sent again with the same idempotency key`;
  const parts = [
    `${redriven}${withOpenIntents === 0 ? '' : ` (${resent})`}`,
    `superseded ${superseded}`,
    `further copies ${copies}`,
    `left ${leftOf(counts)}`,
  ];
  return `${namespace}/${name}: ${dryRun ? 'dry run, nothing was changed: of' : 'of'} ${counted(depth, 'message')} ${dryRun ? 'would be redriven' : 'redriven'} ${parts.join(', ')}`;
}

function asJson({ namespace, name }: AgentRef, counts: RedriveCounts, dryRun: boolean, error: unknown) {
  return {
    agent: `${namespace}/${name}`,
    dryRun,
    ...counts,
    left: leftOf(counts),
    ...(error === undefined ? {} : { error: messageOf(error) }),
  };
}
