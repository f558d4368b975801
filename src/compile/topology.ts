import type { EventAgent, QueueExchange } from '../api/generated/event-agent.ts';
import { consumerTimeoutFor } from '../api/hold-times.ts';
import { brokerNames, eventsExchange, routingKeys, WAIT_MS } from '../api/names.ts';
import type { Binding, Queue, QueueArguments, Topology } from '../broker/topology.ts';

/** A last guard of the broker's own against an event that is never settled: far above what the runner's crash loop rule lets happen. */
const WORK_DELIVERY_LIMIT = 100;
/** Each look at a dead letter counts as a delivery; -1 would mean "gone after one look" on RabbitMQ 3.10. */
const DEAD_DELIVERY_LIMIT = 1_000_000;

/** What one agent needs on the broker. */
export function topologyFor(agent: EventAgent, prefix: string): Topology {
  const { namespace } = agent.metadata;
  const names = brokerNames({ namespace, name: agent.metadata.name }, prefix);
  const deadLetterTo = (routingKey: string): QueueArguments => ({
    'x-dead-letter-exchange': names.exchange,
    'x-dead-letter-routing-key': routingKey,
    // Without both of these an expired or rejected message that meets a full queue is gone.
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  });
  const quorum = { 'x-queue-type': 'quorum' };
  const tier = (delayMs: number): Queue => ({
    name: names.tier(delayMs),
    role: 'tier',
    arguments: { ...quorum, 'x-message-ttl': delayMs, ...deadLetterTo(routingKeys.work) },
  });
  const delays = [...new Set(agent.spec.delivery.retryDelaysSeconds)].map((seconds) => seconds * 1000);
  const consumerTimeoutMs = consumerTimeoutFor(agent.spec.delivery.runTimeoutSeconds * 1000);
  const own = (queue: string, routingKey: string): Binding => ({ source: names.exchange, queue, routingKey });
  return {
    exchanges: [
      { name: eventsExchange(namespace, prefix), type: 'topic' },
      { name: names.exchange, type: 'direct' },
    ],
    queues: [
      {
        name: names.work,
        role: 'work',
        arguments: { ...quorum, 'x-delivery-limit': WORK_DELIVERY_LIMIT, ...deadLetterTo(routingKeys.dead) },
        ...(consumerTimeoutMs === undefined ? {} : { consumerTimeoutMs }),
      },
      { name: names.wait, role: 'wait', arguments: { ...quorum, 'x-message-ttl': WAIT_MS, ...deadLetterTo(routingKeys.work) } },
      ...delays.map(tier),
      { name: names.dead, role: 'dead', arguments: { ...quorum, 'x-delivery-limit': DEAD_DELIVERY_LIMIT } },
    ],
    bindings: [
      own(names.work, routingKeys.work),
      own(names.wait, routingKeys.wait),
      own(names.dead, routingKeys.dead),
      ...delays.map((delayMs) => own(names.tier(delayMs), routingKeys.tier(delayMs))),
      ...subscriptions(agent, names.work, names.events),
    ],
    foreignExchanges: [...new Set((agent.spec.triggers ?? []).flatMap(({ queue }) => queue?.exchange?.name ?? []))],
  };
}

/** The union of several agents' topologies; what they share is there once. */
export function mergedTopology(topologies: readonly Topology[]): Topology {
  const once = <T>(items: readonly T[]) => [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
  return {
    exchanges: once(topologies.flatMap(({ exchanges }) => exchanges)),
    queues: once(topologies.flatMap(({ queues }) => queues)),
    bindings: once(topologies.flatMap(({ bindings }) => bindings)),
    foreignExchanges: once(topologies.flatMap(({ foreignExchanges }) => foreignExchanges)),
  };
}

function subscriptions(agent: EventAgent, work: string, events: string): readonly Binding[] {
  return (agent.spec.triggers ?? []).flatMap(({ queue }) => [
    ...(queue?.eventTypes ?? []).map((pattern) => ({ source: events, queue: work, routingKey: pattern })),
    ...(queue?.exchange === undefined ? [] : exchangeBindings(queue.exchange, work)),
  ]);
}

function exchangeBindings({ name, routingKeys: keys, headers }: QueueExchange, work: string): readonly Binding[] {
  if (headers !== undefined) {
    return [
      { source: name, queue: work, routingKey: '', arguments: { 'x-match': headers.match === 'All' ? 'all' : 'any', ...headers.values } },
    ];
  }
  return (keys ?? ['#']).map((routingKey) => ({ source: name, queue: work, routingKey }));
}
