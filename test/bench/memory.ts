import { rm } from 'node:fs/promises';
import type { EventAgent } from '../../src/api/generated/event-agent.ts';
import { brokerNames, DEFAULT_PREFIX } from '../../src/api/names.ts';
import { runnerConfigurationFor } from '../../src/compile/runner-configuration.ts';
import { startRedis } from '../parts/redis.ts';
import { eventAgent } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { type BenchBroker, RABBIT_VERSION, startBroker } from './brokers.ts';
import { built } from './built.ts';
import type { Contestant, Worked } from './contest.ts';
import { eventsFor } from './events.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import { plainText, type Section, table } from './report.ts';

/** A runner has at most 64 events under way: a thousand of them are those of twenty agents in one process, as `eventagent dev` runs them. */
const AGENTS = 20;
const CONCURRENCY = 50;

const SIZES_KIB = [4, 32] as const;

/**
 * Node sizes its heap by the memory that it sees. In a container of 512 MiB that is a heap of 259 MiB (`heap_size_limit` there),
 * and a young generation in proportion; on a large machine it puts off collecting for longer.
 */
const HEAPS = [
  { name: 'as in a container of 512 MiB', execArgv: ['--max-heap-size=259'] },
  { name: 'as on this machine', execArgv: [] },
] as const;

const MIB = 1024 * 1024;

/** What a process with a thousand calls under way is to need at most. */
const AIM_BYTES = 256 * MIB;

/** What all measurements stand on. */
interface Stage {
  readonly stub: BenchProcess<{ readonly url: string }>;
  readonly broker: BenchBroker;
  readonly agents: readonly EventAgent[];
  readonly contestant: Contestant;
  /** The runner's process, compiled. */
  readonly program: string;
}

/** What a runner's process needs with a thousand model calls under way, and whether it gives it back. */
export async function benchMemory(options: { readonly leakEvents: number }): Promise<Section> {
  await using stub = await startProcess<{ url: string }>('instant-process.ts');
  const { url } = stub.ready;
  const agents = Array.from({ length: AGENTS }, (_, index) =>
    eventAgent({
      name: `agent-${index}`,
      prompt: '{{ event.data.text }}',
      baseUrl: url,
      outputs: [{ name: 'sink', http: { url: `${url}/sink` } }],
      delivery: { concurrency: CONCURRENCY, retryDelaysSeconds: [10] },
    }),
  );
  await using broker = await startBroker(agents);
  await using redis = await startRedis({ arguments: ['--appendfsync', 'everysec'] });
  const configurations = agents.map((agent) => runnerConfigurationFor(agent, DEFAULT_PREFIX));
  const contestant: Contestant = { amqpUrl: broker.amqpUrl, redisUrl: redis.url, configurations, model: 'stub' };
  const { program, folder } = await built('runner-process.ts');
  try {
    const stage: Stage = { stub, broker, agents, contestant, program };
    const rows: string[][] = [];
    for (const heap of HEAPS) for (const sizeKib of SIZES_KIB) rows.push(await underWay(stage, heap, sizeKib));
    const leaks = await leakText(stage, options.leakEvents);
    return {
      name: 'memory',
      text: [
        `RabbitMQ ${RABBIT_VERSION}; Redis; ${AGENTS} agents with ${CONCURRENCY} events at a time each in one process, compiled to JavaScript; every call held by the provider in the middle of its answer. Prompts are as long as the events.`,
        table(['heap', 'events of', 'idle, MiB', 'with 1,000 calls, MiB', 'highest until they have ended, MiB'], rows),
        leaks,
      ].join('\n\n'),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function underWay(stage: Stage, { name, execArgv }: (typeof HEAPS)[number], sizeKib: number): Promise<string[]> {
  const { stub, broker, agents, contestant, program } = stage;
  await using runner = await startProcess(program, contestant, execArgv);
  await runner.ask('start', CONCURRENCY);
  const idle = await runner.usage();
  await stub.ask('hold');
  for (const { metadata } of agents) {
    const events = eventsFor(brokerNames(metadata), { body: bodyOf(sizeKib), type: 'benchmark' }, `${name}-${sizeKib}`, CONCURRENCY);
    await broker.fill(events);
  }
  await eventually('every call is under way', async () => (await stub.ask<number>('held')) === AGENTS * CONCURRENCY, 60_000);
  const busy = await runner.usage();
  await stub.ask('release');
  await runner.ask('stop');
  const after = await runner.usage();
  return [
    name,
    `${sizeKib} KiB`,
    mib(idle.rssBytes),
    `**${mib(busy.rssBytes)}**${busy.rssBytes > AIM_BYTES ? ', misses the aim' : ''}`,
    mib(after.peakRssBytes),
  ];
}

/** Runs of one agent before it counts: code is compiled and optimised meanwhile. */
const LEAK_WARM_UP = 8_000;

async function leakText({ broker, agents: [agent], contestant, program }: Stage, events: number): Promise<string> {
  if (agent === undefined) throw new Error('no agent');
  const one = { ...contestant, configurations: contestant.configurations.slice(0, 1) };
  await using runner = await startProcess(program, one, ['--expose-gc']);
  const heapAfter = async (count: number, idPrefix: string) => {
    await broker.fill(eventsFor(brokerNames(agent.metadata), { body: bodyOf(4), type: 'benchmark' }, idPrefix, count));
    await runner.ask<Worked>('run', { concurrency: CONCURRENCY, events: count, warmUp: 1 });
    return await runner.ask<number>('heap after collection');
  };
  const before = await heapAfter(LEAK_WARM_UP, 'warm-up');
  const after = await heapAfter(events, 'counted');
  return `Leaks: after ${LEAK_WARM_UP} events of 4 KiB the heap holds ${(before / MIB).toFixed(1)} MiB, after ${events} more ${(after / MIB).toFixed(1)} MiB, both after garbage collection: ${plainText((after - before) / events)} bytes an event.`;
}

function bodyOf(sizeKib: number): Buffer {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(sizeKib * 24).slice(0, sizeKib * 1024 - '{"text":""}'.length);
  return Buffer.from(JSON.stringify({ text }));
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
