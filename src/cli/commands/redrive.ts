import { type AgentRef, brokerNames } from '../../api/names.ts';
import { usdText } from '../../api/prices.ts';
import { leftOf, type RedriveCounts, redriveText } from '../../api/redrive-progress.ts';
import { isMeant } from '../../dead-letters/filter.ts';
import { systemClock } from '../../lib/clock.ts';
import { CodedError, messageOf } from '../../lib/errors.ts';
import { estimatedCost } from '../../redrive/estimated-cost.ts';
import { redrive } from '../../redrive/redrive.ts';
import { type BrokerFlags, type FilterFlags, filterOf } from '../dlq/flags.ts';
import { connectDeadline, type StoreFlags, withBroker, withStore } from '../lent-parts.ts';
import type { Terminal } from '../terminal.ts';

/** The flags of `eventagent redrive`. */
export interface RedriveOptions extends BrokerFlags, FilterFlags, StoreFlags {
  readonly dryRun: boolean;
  /** Milliseconds from one event to the next. */
  readonly rate?: number;
  readonly limit?: number;
  /** Of a hundred events that ended last, so many may not have died again. */
  readonly stopAtFailures?: number;
  readonly json: boolean;
}

/** How long no redriven event may end before the last ones are not waited for any more. */
const OUTCOME_TIMEOUT_MS = 600_000;

/** How often it says how far it is. */
const PROGRESS_MS = 5_000;

/** `eventagent redrive NAMESPACE/NAME`: runs dead letters again, until `stop` is aborted. What was done is told also where it could not go on; then it throws why. */
export async function redriveCommand(agent: AgentRef, options: RedriveOptions, terminal: Terminal, stop: AbortSignal): Promise<void> {
  const clock = systemClock;
  const startedAt = clock.now();
  const filter = filterOf(options);
  const { dryRun, stopAtFailures, limit } = options;
  let counts: RedriveCounts | undefined;
  let costNanoUsd: number | undefined;
  let toldAt = startedAt;
  const onProgress = (now: RedriveCounts) => {
    counts = now;
    if (clock.now() - toldAt < PROGRESS_MS) return;
    toldAt = clock.now();
    terminal.err(summary(agent, now, dryRun));
  };
  const finish = (error?: unknown) => {
    if (counts === undefined) return;
    if (!options.json) terminal.out(`${summary(agent, counts, dryRun)}${dryRun ? costText(costNanoUsd) : ''}`);
    else terminal.out(JSON.stringify(asJson(agent, counts, { dryRun, costNanoUsd, error })));
  };
  try {
    await withStore(agent, options, async (store) => {
      counts = await withBroker(options, (connection) =>
        redrive(
          {
            agent,
            names: brokerNames(agent, options.prefix),
            isMeant: (letter, begunAt) => isMeant(letter, filter, begunAt),
            dryRun,
            intervalMs: options.rate ?? 0,
            ...(limit === undefined ? {} : { limit }),
            ...(stopAtFailures === undefined ? {} : { follow: { stopAtFailurePercent: stopAtFailures, timeoutMs: OUTCOME_TIMEOUT_MS } }),
          },
          { connection, store, clock, connect: connectDeadline, onProgress, stop },
        ),
      );
      if (dryRun) costNanoUsd = estimatedCost(counts.redriven, await store.receipts(agent, 0));
    });
  } catch (error) {
    if (error instanceof CodedError) finish(error);
    throw error;
  }
  finish();
}

function summary({ namespace, name }: AgentRef, counts: RedriveCounts, dryRun: boolean): string {
  return `${namespace}/${name}: ${redriveText(counts, dryRun)}`;
}

function costText(nanoUsd: number | undefined): string {
  if (nanoUsd === undefined) return '; what that would cost is not known, since no event with a known price has ended as done';
  return `; that would cost about ${usdText(nanoUsd)}, by the mean of the events that ended as done`;
}

function asJson(
  { namespace, name }: AgentRef,
  { ends, ...counts }: RedriveCounts,
  { dryRun, costNanoUsd, error }: { readonly dryRun: boolean; readonly costNanoUsd: number | undefined; readonly error: unknown },
) {
  return {
    agent: `${namespace}/${name}`,
    dryRun,
    ...counts,
    left: leftOf(counts),
    ...ends,
    ...(costNanoUsd === undefined ? {} : { estimatedCostNanoUsd: costNanoUsd }),
    ...(error === undefined ? {} : { error: messageOf(error) }),
  };
}
