import { brokerNames, DEFAULT_PREFIX } from '../../src/api/names.ts';
import { runnerConfigurationFor } from '../../src/compile/runner-configuration.ts';
import { startRedis } from '../parts/redis.ts';
import type { BenchBroker } from './brokers.ts';
import type { Contestant, Worked } from './contest.ts';
import { type EventKind, eventsFor } from './events.ts';
import { recordedOpening } from './payload.ts';
import { startProcess } from './processes.ts';
import { plainText, table } from './report.ts';
import { BUDGET, reviewer } from './reviewer.ts';

const EVENTS = 200;

const wanted: EventKind = { body: recordedOpening('pull_request'), type: 'github.pull_request' };
const unwanted: EventKind = { body: recordedOpening('pull_request'), type: 'github.pull_request_review' };

/** What becomes of an event, and how it is made to. Events with an id that was used before are duplicates. */
const FATES = [
  { fate: 'run, no output', outputs: 0, kind: wanted, id: 'plain' },
  { fate: 'a duplicate', outputs: 0, kind: wanted, id: 'plain' },
  { fate: 'run, one output', outputs: 1, kind: wanted, id: 'one' },
  { fate: 'run, two outputs', outputs: 2, kind: wanted, id: 'two' },
  { fate: 'run, one output, within a budget', outputs: 1, kind: wanted, id: 'budget', budget: BUDGET },
  { fate: 'the same with a limit for the event', outputs: 1, kind: wanted, id: 'each', budget: { ...BUDGET, perEvent: { usd: '1' } } },
  { fate: 'filtered', outputs: 0, kind: unwanted, id: 'unwanted' },
] as const;

/** Counts how often the store is asked for one event, by what becomes of it. */
export async function roundTrips(broker: BenchBroker, stubUrl: string): Promise<string> {
  await using redis = await startRedis();
  const rows: string[][] = [];
  for (const { fate, outputs, kind, id, ...more } of FATES) {
    const contestant: Contestant = {
      amqpUrl: broker.amqpUrl,
      redisUrl: redis.url,
      configurations: [runnerConfigurationFor(reviewer('runner', stubUrl, outputs, more), DEFAULT_PREFIX)],
      model: 'stub',
    };
    await using runner = await startProcess('runner-process.ts', contestant);
    await broker.fill(eventsFor(brokerNames({ namespace: 'test', name: 'runner' }), kind, id, EVENTS));
    await runner.ask<Worked>('run', { concurrency: 1, events: EVENTS, warmUp: 1 });
    const calls = await runner.ask<Readonly<Record<string, number>>>('store calls');
    // The rest are looks every few seconds, whether or not there are events.
    const ofEvents = Object.entries(calls).filter(([, count]) => count > EVENTS / 10);
    const total = ofEvents.reduce((sum, [, count]) => sum + count, 0);
    const names = ofEvents.map(([name, count]) => `${plainText(count / EVENTS)} ${name}`);
    rows.push([fate, plainText(total / EVENTS), names.join(', ') || '–']);
  }
  return table(['an event that is', 'round trips to the store', 'which'], rows);
}
