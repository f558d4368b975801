import { randomUUID } from 'node:crypto';
import { brokerNames, DEFAULT_PREFIX } from '../../src/api/names.ts';
import { runnerConfigurationFor } from '../../src/compile/runner-configuration.ts';
import { startRedis } from '../parts/redis.ts';
import { type BenchBroker, RABBIT_VERSION, startBroker } from './brokers.ts';
import type { Contestant, Work, Worked } from './contest.ts';
import { eventsFor } from './events.ts';
import { measurePairs } from './pairs.ts';
import { recordedOpening } from './payload.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import type { TimeByArea } from './profile.ts';
import { plainText, ratioText, type Section, shareText, table } from './report.ts';
import { BUDGET, reviewer } from './reviewer.ts';
import { roundTrips } from './round-trips.ts';

/** How many of the loop's events per second the runner is to manage. */
const AIM = 0.5;

/** How many events a round has at a concurrency. */
type Level = Pick<Work, 'concurrency' | 'events'>;

/** For about a second of work with a model that answers at once. */
const LEVELS: readonly Level[] = [
  { concurrency: 1, events: 300 },
  { concurrency: 16, events: 1_500 },
  { concurrency: 64, events: 2_000 },
];

/** And with one that takes a while, which is still short for a model. */
const ANSWER_MS = 100;
const SLOW_LEVELS: readonly Level[] = [
  { concurrency: 1, events: 20 },
  { concurrency: 16, events: 320 },
  { concurrency: 64, events: 1_280 },
];

/** Before anything counts, both have run as much as it takes for their code to be optimised. */
const WARM_UP: Work = { concurrency: 64, events: 4_000, warmUp: 1 };

/** A comparison: where the model is, whether the answer is sent on, and what the records cost. */
interface Contest {
  readonly title: string;
  readonly model: Contestant['model'];
  readonly outputs: number;
  readonly budget?: typeof BUDGET;
  /** How long the model takes for an answer; missing where it answers at once. */
  readonly answerMs?: number;
  /** When Redis writes to disk: `always` is what docs/operations.md asks for. */
  readonly fsync: 'always' | 'everysec';
}

const CONTESTS: readonly Contest[] = [
  { title: 'No output', model: 'stub', outputs: 0, fsync: 'always' },
  { title: 'One HTTP output', model: 'stub', outputs: 1, fsync: 'always' },
  { title: 'One HTTP output, within a budget', model: 'stub', outputs: 1, budget: BUDGET, fsync: 'always' },
  {
    title: `One HTTP output, within a budget, and a model that takes ${ANSWER_MS} ms`,
    model: 'stub',
    outputs: 1,
    budget: BUDGET,
    answerMs: ANSWER_MS,
    fsync: 'always',
  },
  { title: 'No output, Redis with fsync once a second', model: 'stub', outputs: 0, fsync: 'everysec' },
  { title: 'An instant model inside the process, no output', model: 'inside', outputs: 0, fsync: 'always' },
  {
    title: 'An instant model inside the process, no output, Redis with fsync once a second',
    model: 'inside',
    outputs: 0,
    fsync: 'everysec',
  },
];

const event = { body: recordedOpening('pull_request'), type: 'github.pull_request' };

/** The runner beside a consume–ack loop written by hand, the records in Redis. */
export async function benchRunner(options: { readonly pairs: number }): Promise<Section> {
  await using stub = await startProcess<{ url: string }>('instant-process.ts');
  const { url } = stub.ready;
  await using broker = await startBroker([reviewer('runner', url, 0), reviewer('loop', url, 0)]);
  const parts: string[] = [
    `RabbitMQ ${RABBIT_VERSION}; Redis, append-only file with fsync on every write unless it is said; events of ${event.body.length} bytes (a recorded \`pull_request\`), with the filter and the prompt of the sample; ${options.pairs} pairs.`,
    await roundTrips(broker, url),
  ];
  for (const contest of CONTESTS) {
    await using redis = await startRedis({ arguments: ['--appendfsync', contest.fsync] });
    parts.push(await compare(contest, { broker, redisUrl: redis.url, stub, pairs: options.pairs }));
  }
  return { name: 'runner', text: parts.join('\n\n') };
}

/** What a comparison is made on. */
interface Stage {
  readonly broker: BenchBroker;
  readonly redisUrl: string;
  readonly stub: BenchProcess<{ readonly url: string }>;
  readonly pairs: number;
}

async function compare(contest: Contest, { broker, redisUrl, stub, pairs: count }: Stage): Promise<string> {
  const { title, model, outputs, budget, answerMs = 0 } = contest;
  const stubUrl = stub.ready.url;
  const contestant = (name: string): Contestant => ({
    amqpUrl: broker.amqpUrl,
    redisUrl,
    configurations: [runnerConfigurationFor(reviewer(name, stubUrl, outputs, budget === undefined ? {} : { budget }), DEFAULT_PREFIX)],
    model,
  });
  await using runner = await startProcess('runner-process.ts', contestant('runner'));
  await using loop = await startProcess('loop-process.ts', contestant('loop'));
  await round(broker, runner, 'runner', WARM_UP);
  await round(broker, loop, 'loop', WARM_UP);
  const rows: string[][] = [];
  await stub.ask('take', answerMs);
  for (const { concurrency, events } of answerMs === 0 ? LEVELS : SLOW_LEVELS) {
    const work = { concurrency, events, warmUp: events / 10 };
    const pairs = await measurePairs(
      count,
      () => round(broker, runner, 'runner', work),
      () => round(broker, loop, 'loop', work),
    );
    const both = (figure: (measured: Round) => number) =>
      (['ours', 'theirs'] as const).map((which) => plainText(pairs.side(which, figure).median));
    const [rate, cpu] = [({ eventsPerSecond }: Round) => eventsPerSecond, ({ cpuMsPerEvent }: Round) => cpuMsPerEvent];
    rows.push([String(concurrency), ...both(rate), ratioText(pairs.ratio(rate), AIM), ...both(cpu)]);
  }
  await stub.ask('take', 0);
  await runner.ask('start profile');
  await round(broker, runner, 'runner', { concurrency: 16, events: 3_000, warmUp: 1 });
  const profile = await runner.ask<TimeByArea>('stop profile');
  return [
    `### ${title}`,
    table(['concurrency', 'events/s', 'loop', 'ratio', 'CPU ms an event', 'loop'], rows),
    `Where the runner's CPU time goes, at 16: ${shareText(profile)}.`,
  ].join('\n\n');
}

interface Round {
  readonly eventsPerSecond: number;
  readonly cpuMsPerEvent: number;
}

async function round(broker: BenchBroker, contestant: BenchProcess<unknown>, name: string, work: Work): Promise<Round> {
  await broker.fill(eventsFor(brokerNames({ namespace: 'test', name }), event, randomUUID(), work.events));
  const before = await contestant.usage();
  const { seconds } = await contestant.ask<Worked>('run', work);
  const { cpuMs } = await contestant.usage();
  return { eventsPerSecond: (work.events - work.warmUp) / seconds, cpuMsPerEvent: (cpuMs - before.cpuMs) / work.events };
}
