import type { Route, Verification } from '../api/configuration.ts';
import type { EventAgent, WebhookTrigger } from '../api/generated/event-agent.ts';
import { defaultWebhookPath, itemDefaults } from '../api/item-defaults.ts';
import { brokerNames, eventsExchange, routingKeys } from '../api/names.ts';

/** The routes of one agent's webhook triggers. */
export function routesFor(agent: EventAgent, prefix: string): readonly Route[] {
  const { namespace, name } = agent.metadata;
  return (agent.spec.triggers ?? []).flatMap(({ name: trigger, webhook }) => {
    if (webhook === undefined) return [];
    const fanOut = webhook.fanOut ?? itemDefaults['spec.triggers[].webhook.fanOut'];
    return [
      {
        agent: { namespace, name },
        trigger,
        path: webhook.path ?? defaultWebhookPath(name, trigger),
        verification: verificationFor(webhook),
        maxBodyBytes: webhook.maxBodyBytes ?? itemDefaults['spec.triggers[].webhook.maxBodyBytes'],
        target: fanOut
          ? { exchange: eventsExchange(namespace, prefix), byType: true as const }
          : { exchange: brokerNames({ namespace, name }, prefix).exchange, routingKey: routingKeys.work },
      },
    ];
  });
}

function verificationFor({ verification }: WebhookTrigger): Verification {
  const { scheme, secretKeyRefs = [], header } = verification;
  switch (scheme) {
    case 'GitHub':
    case 'Bearer':
      return { scheme, secretKeyRefs };
    case 'HMAC':
      return { scheme, header: header ?? itemDefaults['spec.triggers[].webhook.verification.header'], secretKeyRefs };
    case 'None':
      return { scheme };
    default:
      return scheme satisfies never;
  }
}
