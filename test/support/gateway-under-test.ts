import type { GatewayConfiguration, Route, Secrets, Verification } from '../../src/api/configuration.ts';
import { metrics } from '../../src/api/metrics.ts';
import { brokerNames, routingKeys } from '../../src/api/names.ts';
import type { BrokerConnection } from '../../src/broker/port.ts';
import { GatewayApp, type GatewayParts } from '../../src/gateway/app.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { type HttpLimits, startHttpServer } from '../../src/lib/http-server.ts';
import { createLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import type { Tracer } from '../../src/lib/tracing.ts';

/** The secret of every route, by default. */
export const SECRET = 'the-secret-of-the-tests';

/** A route of the agent `web/reviewer` to its own exchange. */
export function routeFor(trigger: string, verification: Verification, more: Partial<Route> = {}): Route {
  const agent = { namespace: 'web', name: 'reviewer' };
  return {
    agent,
    trigger,
    path: `/reviewer/${trigger}`,
    verification,
    maxBodyBytes: 1_048_576,
    target: { exchange: brokerNames(agent).exchange, routingKey: routingKeys.work },
    ...more,
  };
}

const secretKeyRefs = [{ name: 'hook', key: 'secret' }];

/** A route of each scheme, and one that fans out. */
export const configuration: GatewayConfiguration = {
  namespace: 'web',
  routes: [
    routeFor('github', { scheme: 'GitHub', secretKeyRefs }),
    routeFor('hmac', { scheme: 'HMAC', header: 'X-Signature', secretKeyRefs }),
    routeFor('bearer', { scheme: 'Bearer', secretKeyRefs }),
    routeFor('open', { scheme: 'None' }),
    routeFor('small', { scheme: 'None' }, { maxBodyBytes: 400 }),
    routeFor('locked', { scheme: 'GitHub', secretKeyRefs: [{ name: 'gone', key: 'secret' }] }),
    routeFor('events', { scheme: 'None' }, { target: { exchange: 'ea.web._events', byType: true } }),
  ],
  typePatterns: ['com.example.#', 'github.*'],
};

/** Knows the secret of every route but `locked`. */
export const secrets: Secrets = ({ name }) => (name === 'hook' ? SECRET : undefined);

/** A gateway app on a port of its own. */
export interface GatewayUnderTest extends AsyncDisposable {
  readonly app: GatewayApp;
  readonly url: string;
  /** Lines of its log. */
  readonly lines: readonly string[];
  /** The value of `eventagent_gateway_requests_total` with these labels. */
  requests(route: string, code: number, reason: string): Promise<number>;
  /** The metrics as text. */
  scrape(): Promise<string>;
}

/** Starts the app on `connection`, listening by the machine's clock; `clock` is what the app itself lives by. */
export async function gatewayUnderTest(
  connection: BrokerConnection,
  options: {
    readonly clock?: Clock;
    readonly configuration?: GatewayConfiguration;
    readonly secrets?: Secrets;
    readonly limits?: HttpLimits;
    readonly toldRefusals?: GatewayParts['toldRefusals'];
    readonly tracer?: Tracer;
  } = {},
): Promise<GatewayUnderTest> {
  const lines: string[] = [];
  const registry = createMetrics(metrics);
  const app = new GatewayApp({
    configuration: options.configuration ?? configuration,
    secrets: options.secrets ?? secrets,
    connection,
    clock: options.clock ?? systemClock,
    log: createLog('json', (line) => lines.push(line)),
    metrics: registry,
    ...(options.toldRefusals && { toldRefusals: options.toldRefusals }),
    ...(options.tracer && { tracer: options.tracer }),
  });
  const { limits } = options;
  const server = await startHttpServer(app.handle, { host: '127.0.0.1', port: 0, clock: systemClock, ...(limits && { limits }) });
  const scrape = async () => (await registry.expose()).text;
  return {
    app,
    url: server.url,
    lines,
    scrape,
    async requests(route, code, reason) {
      const name = `eventagent_gateway_requests_total{route="${route}",code="${code}",reason="${reason}"} `;
      const line = (await scrape()).split('\n').find((text) => text.startsWith(name));
      return Number(line?.slice(name.length) ?? 0);
    },
    async [Symbol.asyncDispose]() {
      await server.close(0);
      await app.close();
    },
  };
}
