import { randomBytes } from 'node:crypto';
import { brokerNames, routingKeys } from '../../src/api/names.ts';
import { compile, gatewayConfigurationFor } from '../../src/compile/compile.ts';
import { eventAgent } from '../support/agent.ts';
import { githubDelivery } from '../support/github-delivery.ts';
import { RABBIT_VERSION, startBroker } from './brokers.ts';
import type { Load, LoadResult } from './http-load.ts';
import { measurePairs, type Spread } from './pairs.ts';
import { recordedPullRequest } from './payload.ts';
import { startProcess } from './processes.ts';
import type { TimeByArea } from './profile.ts';
import { plainText, ratioText, type Section, shareText, table } from './report.ts';

const SECRET = 'the-secret-of-the-benchmark';
const CONNECTIONS = [1, 16, 64] as const;

/** One round: so many requests in a second, and what the server needed for them. */
interface Round extends LoadResult {
  readonly cpuMsPerRequest: number;
}

/** The gateway beside a handler written by hand, over the same broker. */
export async function benchGateway(options: { readonly pairs: number; readonly measureMs: number }): Promise<Section> {
  const triggers = [{ name: 'github', webhook: { verification: { scheme: 'GitHub', secretKeyRefs: [{ name: 'hook', key: 'secret' }] } } }];
  const agents = { ours: eventAgent({ name: 'gateway', triggers }), theirs: eventAgent({ name: 'bare', triggers }) };
  const names = { ours: brokerNames(agents.ours.metadata), theirs: brokerNames(agents.theirs.metadata) };
  await using broker = await startBroker([agents.ours, agents.theirs]);
  const { amqpUrl } = broker;
  const { configuration } = gatewayConfigurationFor('test', [compile(agents.ours)]);
  await using gateway = await startProcess<{ port: number }>('gateway-process.ts', { amqpUrl, configuration, secret: SECRET });
  const target = { exchange: names.theirs.exchange, routingKey: routingKeys.work };
  await using bare = await startProcess<{ port: number }>('bare-process.ts', { amqpUrl, ...target, secret: SECRET });
  await using load = await startProcess('load-process.ts');

  const body = recordedPullRequest();
  const { headers } = githubDelivery(SECRET, 'pull_request', body, '{id}');
  const round = async (server: typeof gateway, queue: string, connections: number): Promise<Round> => {
    const request: Load = {
      port: server.ready.port,
      path: configuration.routes[0]?.path ?? '/',
      headers: headers as Record<string, string>,
      bodyBase64: body.toString('base64'),
      connections,
      warmUpMs: options.measureMs / 4,
      measureMs: options.measureMs,
      idPrefix: `${randomBytes(6).toString('hex')}-`,
    };
    const before = await server.usage();
    const result = await load.ask<LoadResult>('run', request);
    const { cpuMs } = await server.usage();
    await broker.purge(queue);
    return { ...result, cpuMsPerRequest: (cpuMs - before.cpuMs) / result.sent };
  };
  const rows: string[][] = [];
  for (const connections of CONNECTIONS) {
    const pairs = await measurePairs(
      options.pairs,
      () => round(gateway, names.ours.work, connections),
      () => round(bare, names.theirs.work, connections),
    );
    const both = (figure: (measured: Round) => number, text: (spread: Spread) => string) => [
      text(pairs.side('ours', figure)),
      text(pairs.side('theirs', figure)),
    ];
    rows.push([
      String(connections),
      ...both(
        ({ requestsPerSecond }) => requestsPerSecond,
        ({ median }) => plainText(median),
      ),
      ratioText(pairs.ratio(({ requestsPerSecond }) => requestsPerSecond)),
      ...both(
        ({ p99Ms }) => p99Ms,
        ({ median }) => plainText(median),
      ),
      ...both(
        ({ cpuMsPerRequest }) => cpuMsPerRequest,
        ({ median }) => plainText(median),
      ),
      ratioText(pairs.ratio(({ cpuMsPerRequest }) => cpuMsPerRequest)),
    ]);
  }
  await gateway.ask('start profile');
  await round(gateway, names.ours.work, 16);
  const profile = await gateway.ask<TimeByArea>('stop profile');
  return {
    name: 'gateway',
    text: [
      `RabbitMQ ${RABBIT_VERSION}; a recorded \`pull_request\` delivery of ${body.length} bytes, signed; ${options.pairs} pairs.`,
      table(['connections', 'requests/s', 'bare', 'ratio', 'p99 ms', 'bare', 'CPU ms a request', 'bare', 'ratio'], rows),
      `Where the gateway's CPU time goes, at 16 connections: ${shareText(profile)}.`,
    ].join('\n\n'),
  };
}
