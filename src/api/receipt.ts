import type { DeadLetterReason } from './reasons.ts';
import { type EventRecord, NOTHING_SPENT, type RecordResult, type Spent } from './record.ts';

/** What remains of an event that has come to its end: what became of it, what it took, and nothing of its data. */
export interface Receipt extends Spent {
  /** The event's id and type, as CloudEvents has them. */
  readonly id: string;
  readonly type: string;
  readonly outcome: RecordResult['outcome'];
  /** Why, where the outcome is `dead`. */
  readonly reason?: DeadLetterReason;
  /** Since it was redriven last. */
  readonly attempts: number;
  /** How often it was moved out of the dead-letter queue and run again. */
  readonly redrives: number;
  /** How often prompt or model had changed between two attempts, so that an answer that was bought was not used. */
  readonly freshStarts: number;
  /** When it was first taken, and when it ended, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** The receipt that a record is; `undefined` while its event has not ended. */
export function receiptOf({ event, result, attempt, gen, spent, freshStarts, startedAt }: EventRecord): Receipt | undefined {
  if (event === undefined || result === undefined) return undefined;
  const { turns, inputTokens, outputTokens, costNanoUsd, estimated } = spent ?? NOTHING_SPENT;
  return {
    id: event.id,
    type: event.type,
    outcome: result.outcome,
    ...(result.outcome === 'dead' ? { reason: result.reason } : {}),
    attempts: attempt,
    redrives: gen,
    turns,
    inputTokens,
    outputTokens,
    costNanoUsd,
    estimated,
    freshStarts: freshStarts ?? 0,
    startedAt,
    endedAt: result.endedAt,
  };
}

/** What receipts come to together. */
export interface ReceiptTotals {
  readonly events: number;
  readonly byOutcome: Readonly<Partial<Record<Receipt['outcome'], number>>>;
  readonly turns: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of those whose cost is known. */
  readonly costNanoUsd: number;
  /** How many have a cost that is not known, and is not in the sum. */
  readonly unknownCosts: number;
  /** Whether an upper bound is in the sums. */
  readonly estimated: boolean;
}

/** Adds receipts up. */
export function totalsOf(receipts: readonly Receipt[]): ReceiptTotals {
  const byOutcome: Partial<Record<Receipt['outcome'], number>> = {};
  const sums = { turns: 0, inputTokens: 0, outputTokens: 0, costNanoUsd: 0, unknownCosts: 0, estimated: false };
  for (const { outcome, turns, inputTokens, outputTokens, costNanoUsd, estimated } of receipts) {
    byOutcome[outcome] = (byOutcome[outcome] ?? 0) + 1;
    sums.turns += turns;
    sums.inputTokens += inputTokens;
    sums.outputTokens += outputTokens;
    if (costNanoUsd === 'unknown') sums.unknownCosts += 1;
    else sums.costNanoUsd += costNanoUsd;
    sums.estimated ||= estimated;
  }
  return { events: receipts.length, byOutcome, ...sums };
}
