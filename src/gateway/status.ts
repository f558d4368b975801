import type { GatewayConfiguration, Route, SecretKeyRef, Secrets } from '../api/configuration.ts';
import type { GatewayStatus, RouteStatus } from '../api/gateway-status.ts';
import { webhookSecret } from './verify/verify.ts';

/** What a gateway tells of itself: per webhook, whether its Secrets can be read now. `name` is that of its configuration. */
export function gatewayStatus(name: string, configuration: GatewayConfiguration, secrets: Secrets): GatewayStatus {
  const { namespace, routes } = configuration;
  return { configuration: name, namespace, routes: routes.map((route) => routeStatus(route, secrets)) };
}

function routeStatus({ agent, trigger, path, verification }: Route, secrets: Secrets): RouteStatus {
  const refs: readonly SecretKeyRef[] = verification.scheme === 'None' ? [] : verification.secretKeyRefs;
  // An empty one would let everybody in, and counts as missing in the verification, too.
  const missing = refs.filter((ref) => webhookSecret(secrets(ref)) === undefined).map(({ name, key }) => `${name}/${key}`);
  const readable = refs.length === 0 || missing.length < refs.length;
  return { agent: agent.name, trigger, path, secrets: readable ? 'Readable' : 'Missing', missing };
}
