import { brokerNames, DEFAULT_PREFIX } from '../../src/api/names.ts';
import { runnerConfigurationFor } from '../../src/compile/runner-configuration.ts';
import { startRedis } from '../parts/redis.ts';
import { eventAgent } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { RABBIT_VERSION, startBroker } from './brokers.ts';
import type { Contestant, Worked } from './contest.ts';
import { eventsFor } from './events.ts';
import { startProcess } from './processes.ts';
import { plainText, type Section, table } from './report.ts';

/** A runner has at most 64 events under way: a thousand of them are those of twenty agents in one process, as `eventagent dev` runs them. */
const AGENTS = 20;
const CONCURRENCY = 50;

const SIZES_KIB = [4, 32] as const;

/** How many events a process runs for the search for leaks, and how many before it counts. */
const LEAK = { warmUp: 4_000, events: 20_000 } as const;

const MIB = 1024 * 1024;

/** What a runner's process needs with a thousand model calls under way, and whether it gives it back. */
export async function benchMemory(options: { readonly leakEvents?: number } = {}): Promise<Section> {
  const { leakEvents = LEAK.events } = options;
  await using stub = await startProcess<{ url: string }>('instant-process.ts');
  const agents = Array.from({ length: AGENTS }, (_, index) =>
    eventAgent({
      name: `agent-${index}`,
      prompt: '{{ event.data.text }}',
      baseUrl: stub.ready.url,
      delivery: { concurrency: CONCURRENCY, retryDelaysSeconds: [10] },
    }),
  );
  await using broker = await startBroker(agents);
  await using redis = await startRedis({ arguments: ['--appendfsync', 'everysec'] });
  const contestant: Contestant = {
    amqpUrl: broker.amqpUrl,
    redisUrl: redis.url,
    configurations: agents.map((agent) => runnerConfigurationFor(agent, DEFAULT_PREFIX)),
    model: 'stub',
  };
  const rows: string[][] = [];
  for (const sizeKib of SIZES_KIB) {
    await using runner = await startProcess('runner-process.ts', contestant);
    await runner.ask('start', CONCURRENCY);
    const idle = await runner.usage();
    await stub.ask('hold');
    const event = { body: bodyOf(sizeKib), type: 'benchmark' };
    for (const { metadata } of agents)
      await broker.fill(eventsFor(brokerNames(metadata), event, `${metadata.name}-${sizeKib}`, CONCURRENCY));
    await eventually('every call is under way', async () => (await stub.ask<number>('held')) === AGENTS * CONCURRENCY, 60_000);
    const busy = await runner.usage();
    await stub.ask('release');
    await runner.ask('stop');
    rows.push([`${sizeKib} KiB`, mib(idle.rssBytes), `**${mib(busy.rssBytes)}**`, mib(busy.peakRssBytes), mib(busy.heapBytes)]);
  }
  const [first] = agents;
  if (first === undefined) throw new Error('no agent');
  const names = brokerNames(first.metadata);
  await using runner = await startProcess('runner-process.ts', { ...contestant, configurations: contestant.configurations.slice(0, 1) }, [
    '--expose-gc',
  ]);
  const run = async (events: number, idPrefix: string) => {
    await broker.fill(eventsFor(names, { body: bodyOf(4), type: 'benchmark' }, idPrefix, events));
    await runner.ask<Worked>('run', { concurrency: CONCURRENCY, events, warmUp: 1 });
    return await runner.ask<number>('heap after collection');
  };
  const before = await run(LEAK.warmUp, 'warm-up');
  const after = await run(leakEvents, 'counted');
  return {
    name: 'memory',
    text: [
      `RabbitMQ ${RABBIT_VERSION}; Redis; ${AGENTS} agents with ${CONCURRENCY} events at a time each, in one process; every call held by the provider in the middle of its answer. Prompts are as long as the events.`,
      table(['events of', 'idle, MiB', 'RSS with 1,000 calls, MiB', 'highest RSS so far, MiB', 'of it JavaScript heap, MiB'], rows),
      `Leaks: after ${LEAK.warmUp} events the heap holds ${mib(before)} MiB, after ${leakEvents} more ${mib(after)} MiB (both after garbage collection): ${plainText((after - before) / leakEvents)} bytes an event.`,
    ].join('\n\n'),
  };
}

function bodyOf(sizeKib: number): Buffer {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(sizeKib * 24).slice(0, sizeKib * 1024 - '{"text":""}'.length);
  return Buffer.from(JSON.stringify({ text }));
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
