import type { GatewayConfiguration, RunnerConfiguration } from '../../src/api/configuration.ts';
import { ensureTopology } from '../../src/broker/ensure.ts';
import { managementAdmin } from '../../src/broker/management.ts';
import type { Topology } from '../../src/broker/topology.ts';
import { compile, gatewayConfigurationFor } from '../../src/compile/compile.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { verdictOn } from '../../src/manifest/crd-verdict.ts';
import { readEventAgentSchema } from '../../src/manifest/schema.ts';
import type { Vhost } from '../parts/vhost.ts';
import { type ReviewAgentOptions, reviewAgent } from './review-agent.ts';

/** What the controller makes of the reviewing agent, and the values of its Secrets. */
export interface ReviewerInPods {
  readonly topology: Topology;
  readonly runner: RunnerConfiguration;
  readonly gateway: GatewayConfiguration;
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Compiles the reviewing agent as the controller does. */
export function reviewerInPods(options: ReviewAgentOptions): ReviewerInPods {
  const [agent, ...secrets] = reviewAgent(options) as [
    object,
    ...{ readonly metadata: { readonly name: string }; readonly stringData: Readonly<Record<string, string>> }[],
  ];
  const verdict = verdictOn({ value: agent, lineOf: () => 1 }, readEventAgentSchema());
  if (!verdict.valid) throw new Error(`the agent is not valid: ${JSON.stringify(verdict.findings)}`);
  const compiled = compile(verdict.agent);
  return {
    topology: compiled.topology,
    runner: compiled.runner,
    gateway: gatewayConfigurationFor(verdict.agent.metadata.namespace, [compiled]).configuration,
    secrets: Object.fromEntries(secrets.map(({ metadata, stringData }) => [metadata.name, stringData])),
  };
}

/** Declares a topology in a virtual host, as the controller does. */
export async function declare(vhost: Pick<Vhost, 'managementUrl' | 'vhost'>, topology: Topology): Promise<void> {
  const admin = managementAdmin({ url: vhost.managementUrl, vhost: vhost.vhost });
  const { problems } = await ensureTopology(systemClock, admin, topology, AbortSignal.timeout(30_000));
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
}

/** A connection Secret of the form that RabbitMQ's cluster operator writes, a line break at the end of each value as `kubectl create secret --from-file` leaves it. */
export function brokerSecret(amqpUrl: string): Readonly<Record<string, string>> {
  const url = new URL(amqpUrl);
  return {
    host: `${url.hostname}\n`,
    port: `${url.port}\n`,
    username: `${decodeURIComponent(url.username)}\n`,
    password: `${decodeURIComponent(url.password)}\n`,
    vhost: `${decodeURIComponent(url.pathname.slice(1)) || '/'}\n`,
    provider: 'rabbitmq',
    type: 'rabbitmq',
  };
}
