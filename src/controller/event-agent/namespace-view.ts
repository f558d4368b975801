import type { GatewayConfiguration, Route } from '../../api/configuration.ts';
import { type Compiled, gatewayConfigurationFor, type Problem, routeName } from '../../compile/compile.ts';
import { bad, good, type Verdict } from '../verdict.ts';
import type { Subscriber } from './fan-out.ts';
import { byAge, isDeleting, type StoredEventAgent } from './resource.ts';

/** How one agent stands among those of its namespace. */
export interface Standing {
  /** The condition `Accepted`. */
  readonly accepted: Verdict;
  /** What is to run: the spec where it is accepted, else the last good version; `undefined` where there never was one. */
  readonly inForce: InForce | undefined;
}

/** A version of an agent that makes sense. */
export interface InForce {
  /** The agent with the spec of that version. */
  readonly agent: StoredEventAgent;
  readonly compiled: Compiled;
}

/** The agents of one namespace, seen together: what each may have depends on the older ones. */
export interface NamespaceView {
  /** Whether an agent is not accepted, so that the version which its pods run was asked for. */
  readonly dependsOnLastGood: boolean;
  standingOf(name: string): Standing | undefined;
  /** The routes of all agents, with the connection that the gateway publishes by; `undefined` where there is no webhook. */
  readonly gateway: { readonly configuration: GatewayConfiguration; readonly brokerSecret: string } | undefined;
  /** The agents that take events by type, by the versions that are in force. */
  readonly subscribers: readonly Subscriber[];
}

/** What judging a namespace needs to know beside its agents. */
export interface Surroundings {
  readonly brokers: ReadonlySet<string>;
  /** What an agent is compiled to, and what is wrong with it by itself. */
  readonly judged: (agent: StoredEventAgent) => Judged;
  /** The version of an agent that its pods run. */
  readonly lastGood: (agent: StoredEventAgent) => InForce | undefined;
}

/** An agent, looked at alone. */
export interface Judged {
  readonly compiled: Compiled;
  readonly problems: readonly Problem[];
}

/** Judges the agents of a namespace, the older ones first: a path belongs to the first that names it. Pure. */
export function namespaceView(namespace: string, agents: readonly StoredEventAgent[], around: Surroundings): NamespaceView {
  const standings = new Map<string, Standing>();
  const inForce: Compiled[] = [];
  const subscribers: Subscriber[] = [];
  const owners = new Map<string, Route>();
  let connection: Connection | undefined;
  for (const agent of agents.filter((candidate) => !isDeleting(candidate)).toSorted(byAge)) {
    const judged = around.judged(agent);
    const accepted = judge(agent, judged, around.brokers, owners, connection);
    const current = accepted.status === 'True' ? { agent, compiled: judged.compiled } : around.lastGood(agent);
    standings.set(agent.metadata.name, { accepted, inForce: current });
    if (current === undefined) continue;
    inForce.push(current.compiled);
    const { typePatterns: patterns } = current.compiled;
    if (patterns.length > 0) subscribers.push({ name: agent.metadata.name, broker: current.agent.spec.brokerRef, patterns });
    for (const route of current.compiled.routes) if (!owners.has(route.path)) owners.set(route.path, route);
    if (current.compiled.routes.length > 0) connection ??= { ...connectionOf(current.agent), by: agent.metadata.name };
  }
  const { configuration } = gatewayConfigurationFor(namespace, inForce);
  return {
    dependsOnLastGood: [...standings.values()].some(({ accepted }) => accepted.status !== 'True'),
    standingOf: (name) => standings.get(name),
    gateway: connection === undefined || configuration.routes.length === 0 ? undefined : { configuration, brokerSecret: connection.secret },
    subscribers,
  };
}

interface Connection {
  readonly broker: string;
  readonly secret: string;
  readonly by: string;
}

function connectionOf({ spec }: StoredEventAgent): Omit<Connection, 'by'> {
  return { broker: spec.brokerRef, secret: spec.connectionSecrets.broker };
}

function judge(
  agent: StoredEventAgent,
  { compiled, problems: own }: Judged,
  brokers: ReadonlySet<string>,
  owners: ReadonlyMap<string, Route>,
  connection: Connection | undefined,
): Verdict {
  const problems = [...own, ...ownPathProblems(agent, compiled)];
  if (problems.length > 0) return bad(reasonOf(problems), problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
  const { brokerRef } = agent.spec;
  if (!brokers.has(brokerRef)) {
    const known = [...brokers].join(', ') || 'none';
    return bad('BrokerUnknown', `spec.brokerRef: the operator has no broker ${brokerRef} (it has: ${known}); add it to the chart's values`);
  }
  for (const route of compiled.routes) {
    const owner = owners.get(route.path);
    if (owner === undefined) continue;
    const path = pathField(agent, route.trigger);
    return bad('PathTaken', `${path}: ${route.path} belongs to ${routeName(owner)}, which is older: give this trigger a path of its own`);
  }
  const wanted = connectionOf(agent);
  if (
    compiled.routes.length > 0 &&
    connection !== undefined &&
    (wanted.broker !== connection.broker || wanted.secret !== connection.secret)
  ) {
    return bad(
      'BrokerConflict',
      `the webhooks of a namespace go to one broker: agent ${connection.by} is older and uses broker ${connection.broker} by Secret ${connection.secret}; use the same spec.brokerRef and spec.connectionSecrets.broker, or another namespace`,
    );
  }
  return good('Accepted', 'the spec is in force');
}

/** A reason of its own counts only where it is the only one. */
function reasonOf([first, ...others]: readonly Problem[]): 'Invalid' | 'PriceUnknown' {
  return others.length === 0 ? (first?.reason ?? 'Invalid') : 'Invalid';
}

/** Two triggers of one agent with one path. */
function ownPathProblems(agent: StoredEventAgent, { routes }: Compiled): readonly Problem[] {
  const seen = new Map<string, Route>();
  return routes.flatMap((route) => {
    const first = seen.get(route.path);
    if (first === undefined) {
      seen.set(route.path, route);
      return [];
    }
    return [
      {
        path: pathField(agent, route.trigger),
        message: `${route.path} is the path of trigger ${first.trigger} already: give one of them another`,
      },
    ];
  });
}

function pathField(agent: StoredEventAgent, trigger: string): string {
  const index = (agent.spec.triggers ?? []).findIndex(({ name }) => name === trigger);
  return `spec.triggers[${index}].webhook.path`;
}
