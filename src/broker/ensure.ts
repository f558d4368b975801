import { type Problem, plan } from './plan.ts';
import type { Step, Topology, TopologyAdmin } from './topology.ts';

/** Brings a broker to a topology: observe, plan, apply. What cannot be had is returned; nothing is deleted. Rejects with `BrokerError`; may be repeated. */
export async function ensureTopology(
  admin: TopologyAdmin,
  desired: Topology,
  signal: AbortSignal,
): Promise<{ readonly steps: readonly Step[]; readonly problems: readonly Problem[] }> {
  const { steps, problems } = plan(desired, await admin.observe(signal));
  for (const step of steps) await admin.apply(step, signal);
  return { steps, problems };
}
