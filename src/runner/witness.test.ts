import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metrics } from '../api/metrics.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import type { Arrival } from './arrival.ts';
import type { Outcome } from './outcome.ts';
import { settlementFor } from './settle.ts';
import { createWitness } from './witness.ts';

const arrival = {
  envelope: { attributes: { id: 'event-1' }, progress: { gen: 1, attempt: 1 } },
} as unknown as Arrival;

const permanent: Outcome = { kind: 'permanent', reason: 'NoEventId', error: 'no id' };
const outcomes: readonly (readonly [outcome: Outcome, told: string | undefined])[] = [
  [permanent, 'dead'],
  [{ kind: 'filtered' }, 'filtered'],
  [{ kind: 'duplicate' }, 'duplicate'],
  [{ kind: 'stale' }, 'stale'],
  [{ kind: 'wait', reason: 'NotDue', untilMs: 1 }, undefined],
  [{ kind: 'delivery-lost' }, undefined],
];
for (const [outcome, told] of outcomes)
  test(`an event that is settled without a run is told of: ${outcome.kind}`, () => {
    const ends: string[] = [];
    const witness = createWitness(
      { namespace: 'test', name: 'agent' },
      'model',
      { clock: systemClock, log: silentLog, metrics: createMetrics(metrics) },
      (end) => ends.push(end.outcome),
    );
    const settlement = settlementFor(outcome, { progress: arrival.envelope.progress, maxAttempts: 4, retryDelaysMs: [1], now: 0 });
    witness.ended(arrival, outcome, settlement, { purchases: [] });
    assert.deepEqual(ends, told === undefined ? [] : [told]);
  });
