import { fromJson, listOf, name, object, text, word } from './json-shape.ts';

/** Whether the Secrets of a webhook can be read. */
export interface RouteStatus {
  /** The agent's name, in the gateway's namespace. */
  readonly agent: string;
  readonly trigger: string;
  readonly path: string;
  /** `Missing`: none of the Secrets that the webhook names can be read, and its senders get 503. */
  readonly secrets: 'Readable' | 'Missing';
  /** Each Secret's key that cannot be read, or is empty, as `name/key`. During a rotation it may name one where others are readable. */
  readonly missing: readonly string[];
}

/** What a gateway tells on `/status` of its metrics port; the controller asks each pod. */
export interface GatewayStatus {
  /** The name of the ConfigMap that the gateway was started with. */
  readonly configuration: string;
  readonly namespace: string;
  readonly routes: readonly RouteStatus[];
}

/** Reads the JSON of `/status`. Throws `InputError` (`InvalidResource`). */
export function parseGatewayStatus(json: string): GatewayStatus {
  return fromJson(json, gatewayStatus);
}

const gatewayStatus = object<GatewayStatus>({
  configuration: text,
  namespace: name,
  routes: listOf(
    object<RouteStatus>({ agent: name, trigger: name, path: name, secrets: word('Readable', 'Missing'), missing: listOf(name) }),
  ),
});
