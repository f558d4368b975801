import { randomBytes } from 'node:crypto';
import type { Route } from '../../src/api/configuration.ts';
import { brokerNames, routingKeys } from '../../src/api/names.ts';
import { compile, gatewayConfigurationFor } from '../../src/compile/compile.ts';
import { eventAgent } from '../support/agent.ts';
import { githubDelivery } from '../support/github-delivery.ts';
import { RABBIT_VERSION, startBroker } from './brokers.ts';
import type { Load, LoadResult } from './http-load.ts';
import { measurePairs } from './pairs.ts';
import { recordedOpening } from './payload.ts';
import { type BenchProcess, startProcess } from './processes.ts';
import type { TimeByArea } from './profile.ts';
import { plainText, ratioText, type Section, shareText, table } from './report.ts';

const SECRET = 'the-secret-of-the-benchmark';
/** How many of the bare handler's requests per second the gateway is to manage. */
const AIM = 0.8;

const CONNECTIONS = [1, 16, 64] as const;

/** What is sent: GitHub's deliveries are of very different sizes. */
const EVENTS = ['issues', 'pull_request'] as const;

/** One round: so many requests in a second, and what the server needed for them. */
interface Round extends LoadResult {
  readonly cpuMsPerRequest: number;
}

/** A server with the queue that it publishes to. */
interface Contestant {
  readonly server: BenchProcess<{ readonly port: number }>;
  readonly queue: string;
}

/** The gateway beside a handler written by hand, over the same broker. */
export async function benchGateway(options: { readonly pairs: number; readonly measureMs: number }): Promise<Section> {
  const triggers = [{ name: 'github', webhook: { verification: { scheme: 'GitHub', secretKeyRefs: [{ name: 'hook', key: 'secret' }] } } }];
  const agents = { ours: eventAgent({ name: 'gateway', triggers }), theirs: eventAgent({ name: 'bare', triggers }) };
  const names = { ours: brokerNames(agents.ours.metadata), theirs: brokerNames(agents.theirs.metadata) };
  await using broker = await startBroker([agents.ours, agents.theirs]);
  const { amqpUrl } = broker;
  const { configuration } = gatewayConfigurationFor('test', [compile(agents.ours)]);
  const [route] = configuration.routes;
  if (route === undefined) throw new Error('the agent has no route');
  await using gateway = await startProcess<{ port: number }>('gateway-process.ts', { amqpUrl, configuration, secret: SECRET });
  const target = { exchange: names.theirs.exchange, routingKey: routingKeys.work };
  await using bare = await startProcess<{ port: number }>('bare-process.ts', { amqpUrl, ...target, secret: SECRET });
  await using load = await startProcess('load-process.ts');

  const round = async ({ server, queue }: Contestant, event: (typeof EVENTS)[number], connections: number): Promise<Round> => {
    const before = await server.usage();
    const result = await load.ask<LoadResult>('run', { ...requestFor(route, event, server.ready.port), ...timesFor(options), connections });
    const { cpuMs } = await server.usage();
    await broker.purge(queue);
    return { ...result, cpuMsPerRequest: (cpuMs - before.cpuMs) / result.sent };
  };
  const ours: Contestant = { server: gateway, queue: names.ours.work };
  const theirs: Contestant = { server: bare, queue: names.theirs.work };
  const parts = [`RabbitMQ ${RABBIT_VERSION}; recorded deliveries of GitHub's, signed; ${options.pairs} pairs.`];
  for (const event of EVENTS) {
    const rows: string[][] = [];
    for (const connections of CONNECTIONS) {
      const pairs = await measurePairs(
        options.pairs,
        () => round(ours, event, connections),
        () => round(theirs, event, connections),
      );
      const both = (figure: (measured: Round) => number) =>
        (['ours', 'theirs'] as const).map((which) => plainText(pairs.side(which, figure).median));
      const rate = ({ requestsPerSecond }: Round) => requestsPerSecond;
      const cpu = ({ cpuMsPerRequest }: Round) => cpuMsPerRequest;
      rows.push([String(connections), ...both(rate), ratioText(pairs.ratio(rate), AIM), ...both(({ p99Ms }) => p99Ms), ...both(cpu)]);
    }
    parts.push(
      `### \`${event}\`, ${recordedOpening(event).length} bytes`,
      table(['connections', 'requests/s', 'bare', 'ratio', 'p99 ms', 'bare', 'CPU ms a request', 'bare'], rows),
    );
  }
  await gateway.ask('start profile');
  await round(ours, 'pull_request', 16);
  parts.push(
    `Where the gateway's CPU time goes (\`pull_request\`, 16 connections): ${shareText(await gateway.ask<TimeByArea>('stop profile'))}.`,
  );
  return { name: 'gateway', text: parts.join('\n\n') };
}

function timesFor({ measureMs }: { readonly measureMs: number }): Pick<Load, 'warmUpMs' | 'measureMs' | 'idPrefix'> {
  return { warmUpMs: measureMs / 5, measureMs, idPrefix: `${randomBytes(6).toString('hex')}-` };
}

function requestFor(route: Route, event: (typeof EVENTS)[number], port: number): Pick<Load, 'port' | 'path' | 'headers' | 'bodyBase64'> {
  const body = recordedOpening(event);
  const { headers } = githubDelivery(SECRET, event, body, '{id}');
  return { port, path: route.path, headers: headers as Record<string, string>, bodyBase64: body.toString('base64') };
}
