import type { GatewayConfiguration, Route, RunnerConfiguration } from '../api/configuration.ts';
import type { EventAgent, HttpOutputSpec } from '../api/generated/event-agent.ts';
import { agentId, DEFAULT_PREFIX } from '../api/names.ts';
import type { Topology } from '../broker/topology.ts';
import { parseFilter, parseKey } from '../expr/cel.ts';
import { literalOrigin } from '../expr/literal-origin.ts';
import { parseTemplate } from '../expr/template.ts';
import { InputError } from '../lib/errors.ts';
import { isHeaderValue } from '../lib/header-value.ts';
import { isListedHost } from '../lib/host-list.ts';
import { budgetProblems } from './budget.ts';
import { routesFor } from './routes.ts';
import { runnerConfigurationFor } from './runner-configuration.ts';
import { topologyFor } from './topology.ts';

/** What one agent becomes. */
export interface Compiled {
  readonly topology: Topology;
  readonly runner: RunnerConfiguration;
  readonly routes: readonly Route[];
  /** Event type patterns that the agent binds on its namespace's events. */
  readonly typePatterns: readonly string[];
}

/** Something in an agent that the API server cannot see: the field, and what to do. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  /** Why the agent is not accepted, where that has a reason of its own. */
  readonly reason?: 'PriceUnknown';
}

/** Compiles one agent: the same for the controller, `dev` and `render`. Pure. */
export function compile(agent: EventAgent, prefix: string = DEFAULT_PREFIX): Compiled {
  return {
    topology: topologyFor(agent, prefix),
    runner: runnerConfigurationFor(agent, prefix),
    routes: routesFor(agent, prefix),
    typePatterns: (agent.spec.triggers ?? []).flatMap(({ queue }) => queue?.eventTypes ?? []),
  };
}

/** A ConfigMap holds 1 MiB (https://kubernetes.io/docs/concepts/configuration/configmap/), and that of a runner has the spec twice: as it is, and compiled. */
const MAX_SPEC_BYTES = 450_000;

/** What is wrong with an agent beyond its schema: expressions and templates that do not parse, an output that could go anywhere. */
export function problemsOf(agent: EventAgent): readonly Problem[] {
  const problems: Problem[] = [];
  const check = (path: string, parse: () => unknown) => {
    try {
      parse();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push({ path, message: error.message });
    }
  };
  const bytes = Buffer.byteLength(JSON.stringify(agent.spec));
  if (bytes > MAX_SPEC_BYTES)
    problems.push({
      path: 'spec',
      message: `${bytes} bytes as JSON, and ${MAX_SPEC_BYTES} fit into the agent's configuration: shorten templates and prompts`,
    });
  const { filter, idempotency, agent: model, outputs = [] } = agent.spec;
  if (filter !== undefined) check('spec.filter', () => parseFilter(filter));
  const { key } = idempotency;
  if (key !== undefined) check('spec.idempotency.key', () => parseKey(key));
  if (model.baseUrl !== undefined && !URL.canParse(model.baseUrl))
    problems.push({
      path: 'spec.agent.baseUrl',
      message: 'not a URL: correct the host or the port, e.g. https://llm-proxy.example.com:8443',
    });
  check('spec.agent.prompt', () => parseTemplate(model.prompt, { mode: 'text', variables: ['agent', 'event'] }));
  const variables = ['agent', 'event', 'output'];
  outputs.forEach(({ http }, index) => {
    const at = `spec.outputs[${index}].http`;
    check(`${at}.url`, () => parseTemplate(http.url, { mode: 'url', variables }));
    http.headers?.forEach(({ value }, header) => {
      check(`${at}.headers[${header}].value`, () => parseHeader(value, variables));
    });
    const { bodyTemplate } = http;
    if (bodyTemplate !== undefined) check(`${at}.bodyTemplate`, () => parseTemplate(bodyTemplate, { mode: 'text', variables }));
    const message = hostProblem(http);
    if (message !== undefined) problems.push({ path: `${at}.allowedHosts`, message });
  });
  return [...problems, ...budgetProblems(agent)];
}

/** Parses the template of a header. Throws `InputError` (`BadTemplate`), also for a written-out value that cannot be sent. */
function parseHeader(value: string, variables: readonly string[]): void {
  parseTemplate(value, { mode: 'text', variables });
  if (!value.includes('{') && !isHeaderValue(value.trim()))
    throw new InputError(
      'BadTemplate',
      'holds a line break or a character that a header cannot carry: only tabs, ASCII and Latin-1 can be sent',
    );
}

/** Why an output could go anywhere, or nowhere. */
function hostProblem({ url, allowedHosts = [] }: HttpOutputSpec): string | undefined {
  const origin = literalOrigin(url);
  if (origin === undefined)
    return allowedHosts.length > 0
      ? undefined
      : 'required, because the URL takes its scheme, host or port from a template: list the hosts it may lead to';
  const parsed = URL.parse(origin);
  return parsed === null || allowedHosts.length === 0 || isListedHost(parsed, allowedHosts)
    ? undefined
    : `the url leads to ${parsed.host}, which is not among them: add it, or remove allowedHosts`;
}

/** The gateway of a namespace, from all its agents in the order of their age: a path belongs to the first that names it. */
export function gatewayConfigurationFor(
  namespace: string,
  agents: readonly Compiled[],
): { readonly configuration: GatewayConfiguration; readonly taken: readonly { readonly route: Route; readonly by: Route }[] } {
  const routes = new Map<string, Route>();
  const taken: { readonly route: Route; readonly by: Route }[] = [];
  for (const route of agents.flatMap((agent) => agent.routes)) {
    const by = routes.get(route.path);
    if (by === undefined) routes.set(route.path, route);
    else taken.push({ route, by });
  }
  return {
    configuration: { namespace, routes: [...routes.values()], typePatterns: [...new Set(agents.flatMap((agent) => agent.typePatterns))] },
    taken,
  };
}

/** A route in words, for messages. */
export function routeName(route: Route): string {
  return `trigger ${route.trigger} of ${agentId(route.agent)}`;
}
