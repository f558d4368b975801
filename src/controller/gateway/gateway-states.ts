import type { GatewayConfiguration, Route } from '../../api/configuration.ts';
import type { Compiled } from '../../compile/compile.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';

/** What is known of the gateway of one namespace. */
export interface GatewayState {
  /** How the pods of its configuration stand. */
  readonly rollout: Verdict;
  /** What pods serve now: the last configuration that was rolled out whole; `undefined` where that is not known, or no pod is available. */
  readonly served: Served | undefined;
  /** Secrets that its pods cannot read, as `name/key`, by `agent/trigger`; `undefined` where no pod could be asked. */
  readonly missing: ReadonlyMap<string, readonly string[]> | undefined;
}

/** What of a gateway's configuration is an agent's business: its routes, and the event types that it binds. */
export type Served = Pick<GatewayConfiguration, 'routes' | 'typePatterns'>;

/** The gateways of all namespaces, as the gateway reconciler saw them last. */
export class GatewayStates {
  readonly #states = new Map<string, GatewayState>();
  readonly #onChange: (namespace: string) => void;

  /** `onChange` is told of each namespace whose state has become another. */
  constructor(onChange: (namespace: string) => void) {
    this.#onChange = onChange;
  }

  get(namespace: string): GatewayState | undefined {
    return this.#states.get(namespace);
  }

  set(namespace: string, state: GatewayState | undefined): void {
    const isSame = textOf(this.#states.get(namespace)) === textOf(state);
    if (state === undefined) this.#states.delete(namespace);
    else this.#states.set(namespace, state);
    if (!isSame) this.#onChange(namespace);
  }
}

function textOf(state: GatewayState | undefined): string {
  return JSON.stringify({ ...state, missing: state?.missing === undefined ? null : [...state.missing] });
}

/**
 * The condition `GatewayReady` of an agent; only its own webhooks, event types and Secrets count. `hasGateway`: the namespace has one, or is to have one; a gateway that
 * does not know an event type yet takes such events for unwanted.
 */
export function gatewayVerdict(
  agent: Pick<Compiled, 'routes' | 'typePatterns'> | undefined,
  state: GatewayState | undefined,
  hasGateway: boolean,
): Verdict {
  const { routes = [], typePatterns = [] } = agent ?? {};
  if (routes.length === 0 && (typePatterns.length === 0 || !hasGateway)) return good('NoWebhooks', 'the agent has no webhooks');
  if (state === undefined) return bad('RollingOut', "the namespace's gateway is being made");
  const { served, rollout } = state;
  if (served === undefined) return rollout.status === 'True' ? bad('RollingOut', 'the gateway is being started') : rollout;
  const known = new Set(served.routes.map((route) => JSON.stringify(route)));
  const isServed =
    routes.every((route) => known.has(JSON.stringify(route))) && typePatterns.every((pattern) => served.typePatterns.includes(pattern));
  if (!isServed) return rollout.status === 'True' ? bad('RollingOut', 'the gateway is being given the webhooks of the agent') : rollout;
  if (routes.length === 0) return good('NoWebhooks', 'the agent has no webhooks, and the gateway knows the event types that it wants');
  return secretsVerdict(routes, state.missing);
}

function secretsVerdict(routes: readonly Route[], missing: GatewayState['missing']): Verdict {
  if (missing === undefined) {
    return unknown(
      'StatusUnreachable',
      'the pods of the gateway run, and none could be asked whether it can read its Secrets: allow the operator to reach port 9090 of them',
    );
  }
  const lacking = routes.flatMap(({ agent, trigger }) => {
    const secrets = missing.get(`${agent.name}/${trigger}`) ?? [];
    return secrets.length === 0 ? [] : [`trigger ${trigger}: ${secrets.map(secretText).join(', ')}`];
  });
  if (lacking.length > 0)
    return bad(
      'SecretMissing',
      `the webhook answers 503 until its Secret is there: ${lacking.join('; ')}; create it, nothing else is to be done`,
    );
  return good('Serving', `the gateway serves ${routes.length === 1 ? 'the webhook' : `${routes.length} webhooks`}`);
}

function secretText(nameAndKey: string): string {
  const [name, key] = nameAndKey.split('/');
  return `key ${key} of Secret ${name}`;
}
