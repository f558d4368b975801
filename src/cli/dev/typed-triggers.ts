import type { Route } from '../../api/configuration.ts';
import { defaultWebhookPath } from '../../api/item-defaults.ts';
import type { LoadedAgent } from '../load.ts';

/** The queue triggers by event types, which on the embedded broker nothing reaches but a webhook with `fanOut`. */
export interface TypedTriggers {
  /** `agent/trigger` */
  readonly names: readonly string[];
  /** Paths of the webhooks with `fanOut`. */
  readonly webhooks: readonly string[];
  /** How to reach them. */
  readonly remedy: string;
  /** What is answered where a webhook of such a trigger would be, by path. */
  readonly answers: ReadonlyMap<string, string>;
}

/** Those of the agents, which have these routes; `undefined` where there is none. */
export function typedTriggersOf(agents: readonly LoadedAgent[], routes: readonly Route[]): TypedTriggers | undefined {
  const triggers = agents.flatMap(({ agent: { metadata, spec } }) =>
    (spec.triggers ?? []).flatMap(({ name, queue }) => (queue?.eventTypes === undefined ? [] : [{ agent: metadata.name, name }])),
  );
  if (triggers.length === 0) return undefined;
  const webhooks = routes.flatMap(({ path, target }) => ('byType' in target ? [path] : []));
  const remedy =
    webhooks.length === 0
      ? 'give a webhook trigger fanOut: true and send them there, or use --rabbitmq'
      : `send them to a webhook with fanOut: true (${webhooks.join(', ')}), or use --rabbitmq`;
  const answer = `this trigger takes events of the broker by their type: ${remedy}`;
  return {
    names: triggers.map(({ agent, name }) => `${agent}/${name}`),
    webhooks,
    remedy,
    answers: new Map(triggers.map(({ agent, name }) => [defaultWebhookPath(agent, name), answer])),
  };
}
