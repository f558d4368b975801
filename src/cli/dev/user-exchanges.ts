import type { Route } from '../../api/configuration.ts';
import type { QueueExchange } from '../../api/generated/event-agent.ts';
import { defaultWebhookPath, itemDefaults } from '../../api/item-defaults.ts';
import { RefusedInput } from '../exit.ts';
import { type LoadedAgent, located } from '../load.ts';

/** An exchange of the user's that the embedded broker has to stand in for, since nobody else can declare it there. */
export interface UserExchange {
  readonly name: string;
  readonly type: 'topic' | 'headers';
}

/** A way to publish to such an exchange: a route of the gateway without verification, for `dev` on the loopback alone. */
export interface Door {
  readonly exchange: string;
  readonly route: Route;
}

/** One trigger that takes events from an exchange of the user's. */
interface Subscription {
  readonly agent: LoadedAgent;
  readonly trigger: string;
  readonly path: string;
  readonly exchange: QueueExchange;
}

/** The exchanges that the agents bind to, each once. Throws `RefusedInput` where one is matched by routing keys and by headers, which no exchange does. */
export function userExchangesOf(agents: readonly LoadedAgent[]): readonly UserExchange[] {
  const found = new Map<string, UserExchange & { readonly by: Subscription }>();
  for (const by of subscriptionsOf(agents)) {
    const { name } = by.exchange;
    const type = by.exchange.headers === undefined ? 'topic' : 'headers';
    const other = found.get(name);
    if (other !== undefined && other.type !== type) {
      const { metadata } = other.by.agent.agent;
      const message = `exchange ${name} is matched by ${type === 'topic' ? 'routing keys' : 'headers'} here, and otherwise by ${metadata.name}: an exchange does one of both`;
      throw new RefusedInput([located(by.agent.placeOf, { path: by.path, message })]);
    }
    found.set(name, { name, type, by });
  }
  return [...found.values()].map(({ name, type }) => ({ name, type }));
}

/**
 * A door for each trigger that binds by routing keys: `POST /<agent>/<trigger>` with a CloudEvent publishes it to the trigger's exchange, by a key that the trigger is bound with.
 * Paths that a webhook has already stay the webhook's.
 */
export function doorsOf(agents: readonly LoadedAgent[], taken: ReadonlySet<string>): readonly Door[] {
  return subscriptionsOf(agents).flatMap(({ agent: { agent }, trigger, exchange }) => {
    const { name, namespace } = agent.metadata;
    const path = defaultWebhookPath(name, trigger);
    if (exchange.headers !== undefined || taken.has(path)) return [];
    const route: Route = {
      agent: { namespace, name },
      trigger,
      path,
      verification: { scheme: 'None' },
      maxBodyBytes: itemDefaults['spec.triggers[].webhook.maxBodyBytes'],
      target: { exchange: exchange.name, routingKey: keyFor(exchange.routingKeys?.[0] ?? '#') },
    };
    return [{ exchange: exchange.name, route }];
  });
}

/** A routing key that a topic pattern matches. */
export function keyFor(pattern: string): string {
  const words = pattern.split('.').filter((word) => word !== '#');
  return words.map((word) => (word === '*' ? 'any' : word)).join('.');
}

function subscriptionsOf(agents: readonly LoadedAgent[]): readonly Subscription[] {
  return agents.flatMap((agent) =>
    (agent.agent.spec.triggers ?? []).flatMap(({ name, queue }, index) =>
      queue?.exchange === undefined
        ? []
        : [{ agent, trigger: name, path: `spec.triggers[${index}].queue.exchange`, exchange: queue.exchange }],
    ),
  );
}
