import { plan } from '../../src/broker/plan.ts';
import type { QueueArguments, Topology, TopologyAdmin } from '../../src/broker/topology.ts';

/** The agent's own exchange and its work queue. */
export const OWN = 'ea.web.reviewer';

/** The namespace's events exchange. */
export const EVENTS = 'ea.web._events';

/** What the routes of `gateway-under-test.ts` need: the work queue, bound to the agent's own exchange and to `com.example.#` of the events. */
export function gatewayTopology(more: QueueArguments = {}): Topology {
  return {
    exchanges: [
      { name: OWN, type: 'direct' },
      { name: EVENTS, type: 'topic' },
    ],
    queues: [{ name: OWN, role: 'work', arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', ...more } }],
    bindings: [
      { source: OWN, queue: OWN, routingKey: 'work' },
      { source: EVENTS, queue: OWN, routingKey: 'com.example.#' },
    ],
    foreignExchanges: [],
  };
}

/** Makes a broker hold a topology. */
export async function applyTopology(admin: TopologyAdmin, topology: Topology): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  const { steps, intake } = plan(topology, await admin.observe(signal));
  for (const step of [...steps, ...intake]) await admin.apply(step, signal);
}
