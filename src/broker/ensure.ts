import { type Clock, sleep } from '../lib/clock.ts';
import { type Problem, plan } from './plan.ts';
import type { ObservedTopology, Step, Topology, TopologyAdmin } from './topology.ts';

/** What was done to a broker, and what cannot be had there. */
export interface Ensured {
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
}

/** How long the broker may take to say which policies reach a queue: it computes that with the queue's statistics, every 5 s (`collect_statistics_interval`). */
const POLICY_LAG_MS = 10_000;
const POLICY_POLL_MS = 500;

/**
 * Brings a broker to a topology, or changes nothing where a part of it cannot be had; nothing is ever deleted. Events are let in last: when the broker would find each new
 * queue again after a crash, and no policy that destroys messages has turned out to reach one. Rejects with `BrokerError`; may be repeated.
 */
export async function ensureTopology(clock: Clock, admin: TopologyAdmin, desired: Topology, signal: AbortSignal): Promise<Ensured> {
  const done: Step[] = [];
  let deadline: number | undefined;
  for (;;) {
    const { steps, intake, problems, pending } = plan(desired, await observed(clock, admin, desired, signal));
    if (problems.length > 0) return { steps: done, problems };
    const isFresh = steps.some((step) => step.do === 'declare-queue');
    const isOver = !isFresh && pending.length === 0;
    for (const step of isOver ? [...steps, ...intake] : steps) {
      await admin.apply(step, signal);
      done.push(step);
    }
    if (isOver) return { steps: done, problems };
    if (!isFresh) {
      deadline ??= clock.now() + POLICY_LAG_MS;
      if (clock.now() >= deadline) return { steps: done, problems: pending };
    }
    await sleep(clock, isFresh ? admin.freshQueueMs : POLICY_POLL_MS, signal);
  }
}

/** What the broker holds, with the policies of our queues where it tells them in time. One that collects no statistics never does. */
async function observed(clock: Clock, admin: TopologyAdmin, desired: Topology, signal: AbortSignal): Promise<ObservedTopology> {
  const ours = new Set(desired.queues.map(({ name }) => name));
  const deadline = clock.now() + POLICY_LAG_MS;
  for (;;) {
    const seen = await admin.observe(signal);
    if (clock.now() >= deadline || seen.queues.every(({ name, policy }) => policy !== undefined || !ours.has(name))) return seen;
    await sleep(clock, POLICY_POLL_MS, signal);
  }
}
