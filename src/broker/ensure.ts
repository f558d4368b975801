import { type Clock, sleep } from '../lib/clock.ts';
import { type Problem, plan } from './plan.ts';
import type { Step, Topology, TopologyAdmin } from './topology.ts';

/**
 * Brings a broker to a topology: observe, plan, apply. What cannot be had is returned; nothing is deleted. Where a queue is new, resolves only when
 * the broker would find it again after a crash. Rejects with `BrokerError`; may be repeated.
 */
export async function ensureTopology(
  clock: Clock,
  admin: TopologyAdmin,
  desired: Topology,
  signal: AbortSignal,
): Promise<{ readonly steps: readonly Step[]; readonly problems: readonly Problem[] }> {
  const { steps, problems } = plan(desired, await admin.observe(signal));
  for (const step of steps) await admin.apply(step, signal);
  if (steps.some((step) => step.do === 'declare-queue')) await sleep(clock, admin.freshQueueMs, signal);
  return { steps, problems };
}
