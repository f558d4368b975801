import type { metrics } from '../api/metrics.ts';
import { type AgentRef, agentId } from '../api/names.ts';
import { type EventRecord, NOTHING_SPENT } from '../api/record.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Arrival } from './arrival.ts';
import type { Outcome } from './outcome.ts';
import type { Settlement } from './settle.ts';
import { type Purchase, spentWith } from './spending.ts';

/** How a delivery ended, as metrics and log lines say it. */
export type EndName =
  | 'done'
  | 'filtered'
  | 'duplicate'
  | 'stale'
  | 'expired'
  | 'retried'
  | 'dead'
  | 'handed_back'
  | 'waiting'
  | 'interrupted';

/** What a log line and the caller learn of a delivery that has ended. */
export interface RunEnd {
  readonly agent: string;
  readonly eventId: string | undefined;
  readonly outcome: EndName;
  readonly reason: string;
  readonly attempt: number;
}

/** Tells people what a runner does: log lines and metrics, nothing of the payload. */
export interface Witness {
  started(arrival: Arrival, record: EventRecord, now: number): void;
  bought(purchase: Purchase): void;
  ended(
    arrival: Arrival,
    outcome: Outcome,
    settlement: Settlement,
    run: { readonly purchases: readonly Purchase[]; readonly startedAt?: number },
  ): void;
}

/** How an event can be settled without a run. */
const SETTLED: ReadonlySet<EndName> = new Set(['dead', 'filtered', 'duplicate', 'stale']);

/** A witness that writes to the log and the metrics. `onRunEnd` is told of each delivery whose event was run, or settled without. */
export function createWitness(
  ref: AgentRef,
  model: string,
  ports: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics<typeof metrics> },
  onRunEnd: (end: RunEnd) => void,
): Witness {
  const { clock, log, metrics } = ports;
  const agent = agentId(ref);
  const labels = { namespace: ref.namespace, agent: ref.name };
  return {
    started(arrival, record, now) {
      const { attributes, progress, publishedAt } = arrival.envelope;
      const restarts = record.starts - 1;
      log.info('run started', {
        eventId: attributes.id,
        eventType: attributes.type,
        attempt: progress.attempt,
        ...(restarts > 0 ? { restarts } : {}),
      });
      if (publishedAt !== undefined) metrics.observe('eventagent_event_age_seconds', labels, Math.max(0, now - publishedAt) / 1000);
    },
    bought({ usage, estimated, costNanoUsd }) {
      const spent = { ...labels, model, estimated: String(estimated) };
      const kinds = {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cacheRead,
        cache_write: usage.cacheWrite5m + usage.cacheWrite1h,
      };
      for (const [kind, tokens] of Object.entries(kinds))
        if (tokens > 0) metrics.add('eventagent_tokens_total', { ...spent, kind }, tokens);
      if (costNanoUsd === undefined) metrics.add('eventagent_unpriced_calls_total', { ...labels, model });
      else metrics.add('eventagent_cost_usd_total', spent, costNanoUsd / 1e9);
    },
    ended(arrival, outcome, settlement, { purchases, startedAt }) {
      const { attributes, progress } = arrival.envelope;
      const { name, reason, error, fingerprint } = endOf(outcome, settlement);
      metrics.add('eventagent_events_total', { ...labels, outcome: name, reason });
      const fields = {
        eventId: attributes.id,
        outcome: name,
        reason,
        ...(error === undefined ? {} : { error }),
        ...(fingerprint === undefined ? {} : { fingerprint }),
        attempt: progress.attempt,
      };
      const say = name === 'dead' ? log.warn : log.info;
      if (startedAt === undefined) {
        say(name === 'waiting' ? 'event put aside' : 'event settled without a run', fields);
        if (SETTLED.has(name)) onRunEnd({ agent, eventId: attributes.id, outcome: name, reason, attempt: progress.attempt });
        return;
      }
      const durationMs = clock.now() - startedAt;
      metrics.observe('eventagent_run_duration_seconds', { ...labels, outcome: name }, durationMs / 1000);
      say('run finished', { ...fields, durationMs, ...purchases.reduce(spentWith, NOTHING_SPENT) });
      onRunEnd({ agent, eventId: attributes.id, outcome: name, reason, attempt: progress.attempt });
    },
  };
}

/** An end in words. The fingerprint is the dead letter's own. */
export interface End {
  readonly name: EndName;
  readonly reason: string;
  readonly error?: string;
  readonly fingerprint?: string;
}

/** How a delivery ended, by its outcome and what that came to. */
export function endOf(outcome: Outcome, settlement: Settlement): End {
  if (settlement.do === 'decide' && settlement.decision.kind === 'dead') {
    const { reason, error, fingerprint } = settlement.decision;
    return { name: 'dead', reason, error, fingerprint };
  }
  switch (outcome.kind) {
    case 'done':
    case 'duplicate':
    case 'filtered':
    case 'stale':
    case 'expired':
      return { name: outcome.kind, reason: '' };
    case 'transient':
      return { name: 'retried', reason: outcome.reason, error: outcome.error };
    case 'decided':
      return { name: 'retried', reason: '' };
    case 'permanent':
      return { name: 'dead', reason: outcome.reason, error: outcome.error };
    case 'hand-back':
      return { name: 'handed_back', reason: outcome.reason, error: outcome.error };
    case 'wait':
      return { name: 'waiting', reason: outcome.reason };
    case 'delivery-lost':
    case 'fenced':
      return { name: 'interrupted', reason: '' };
    default:
      return outcome satisfies never;
  }
}
