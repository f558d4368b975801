import type { controllerMetrics } from '../../api/metrics.ts';
import { type AgentRef, agentId, brokerNames } from '../../api/names.ts';
import type { ListedQueue } from '../../broker/topology.ts';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { BrokerWatch } from './broker-watch.ts';

const STATES = ['ready', 'unacknowledged', 'held'] as const;

/** Shows how much the agents' queues hold, and what of our prefix belongs to nobody. */
export class DepthMetrics {
  readonly #metrics: Metrics<typeof controllerMetrics>;
  readonly #log: Log;
  readonly #prefix: string;
  /** Agents that are shown, by broker. */
  readonly #shown = new Map<string, ReadonlyMap<string, AgentRef>>();
  readonly #orphans = new Map<string, string>();

  constructor(options: { readonly metrics: Metrics<typeof controllerMetrics>; readonly log: Log; readonly prefix: string }) {
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#prefix = options.prefix;
  }

  /** Brings the metrics of one broker to its last listing; numbers that are not known are gone, never 0. `agents` are those on this broker: queues of any other are orphans here. */
  update(watch: BrokerWatch, agents: readonly AgentRef[]): void {
    this.#metrics.set('eventagent_broker_reachable', { broker: watch.name }, watch.reachability.status === 'True' ? 1 : 0);
    const shown = new Map<string, AgentRef>();
    if (watch.isCurrent) for (const agent of agents) if (this.#show(watch, agent)) shown.set(agentId(agent), agent);
    for (const [id, agent] of this.#shown.get(watch.name) ?? []) if (!shown.has(id)) this.#hide(agent);
    this.#shown.set(watch.name, shown);
    if (watch.isCurrent) this.#tellOrphans(watch, agents);
  }

  #show(watch: BrokerWatch, agent: AgentRef): boolean {
    const names = brokerNames(agent, this.#prefix);
    const { snapshot } = watch;
    const queues = [names.work, names.wait, ...snapshot.queueNames(`${names.work}.retry.`)].map((name) => snapshot.queue(name));
    const dead = snapshot.queue(names.dead);
    if (dead?.depth === undefined || queues.some((queue) => queue?.depth === undefined)) return false;
    const labels = { namespace: agent.namespace, agent: agent.name };
    for (const state of STATES) this.#metrics.set('eventagent_queue_messages', { ...labels, state }, sumOf(queues, state));
    this.#metrics.set('eventagent_dead_letters', labels, dead.depth.total);
    return true;
  }

  #hide({ namespace, name: agent }: AgentRef): void {
    for (const state of STATES) this.#metrics.remove('eventagent_queue_messages', { namespace, agent, state });
    this.#metrics.remove('eventagent_dead_letters', { namespace, agent });
  }

  #tellOrphans({ name: broker, snapshot }: BrokerWatch, agents: readonly AgentRef[]): void {
    const owned = new Set(agents.map(agentId));
    const start = `${this.#prefix}.`;
    const orphans = snapshot.queueNames(start).filter((queue) => !owned.has(queue.slice(start.length).split('.').slice(0, 2).join('.')));
    this.#metrics.set('eventagent_orphaned_queues', { broker }, orphans.length);
    const text = orphans.toSorted().join(', ');
    if (text !== (this.#orphans.get(broker) ?? '') && orphans.length > 0)
      this.#log.warn('queues of this prefix belong to no agent; they are left alone', {
        broker,
        queues: orphans.slice(0, 20),
        count: orphans.length,
      });
    this.#orphans.set(broker, text);
  }
}

function sumOf(queues: readonly (ListedQueue | undefined)[], state: (typeof STATES)[number]): number {
  return queues.reduce((sum, queue) => {
    const depth = queue?.depth;
    if (depth === undefined) return sum;
    return sum + (state === 'held' ? depth.total - depth.ready - depth.unacknowledged : depth[state]);
  }, 0);
}
