import type { ConditionReason } from '../../api/conditions.ts';
import { type BrokerNames, routingKeys } from '../../api/names.ts';
import { grantsTimes } from '../../broker/consumer-timeouts.ts';
import { type Problem, plan } from '../../broker/plan.ts';
import { BrokerError, type BrokerErrorCode } from '../../broker/port.ts';
import { type Binding, policyName, type Removal, type Step, type Topology } from '../../broker/topology.ts';
import type { BrokerWatch } from '../broker/broker-watch.ts';
import type { EmptyWatch } from '../broker/empty-watch.ts';
import { bad, good, unknown, type Verdict } from '../verdict.ts';

/** How long the broker may take to say which policies reach a new queue: it computes that with the queue's statistics. */
const POLICY_LAG_MS = 10_000;

/** How soon an unfinished topology is looked at again where nothing else says so. */
const AGAIN_MS = 5000;

/** How soon a broker is asked again that has refused what only somebody's doing can change. */
const REFUSED_AGAIN_MS = 60_000;

/** What came of bringing a topology about. */
export interface TopologyResult {
  readonly verdict: Verdict;
  /** What was changed, in words. */
  readonly changed: readonly string[];
  /** When to look again, in milliseconds from now. */
  readonly afterMs?: number;
}

/** Brings the broker to a topology as far as it can be had, and says how it stands. Events are let in last. Never rejects for what the broker does. */
export async function bringAbout(watch: BrokerWatch, desired: Topology, now: number, signal: AbortSignal): Promise<TopologyResult> {
  const { status, reason, message } = watch.reachability;
  if (status !== 'True') return { verdict: unknown(reason, message), changed: [] };
  if (!watch.snapshot.isComplete) return { verdict: unknown('NotObserved', 'the broker has not been listed yet'), changed: [] };
  const { steps, intake, problems, pending } = plan(desired, watch.snapshot.observed(desired));
  const changed: string[] = [];
  const make = async (step: Step) => {
    await watch.change(step, signal);
    changed.push(describe(step));
  };
  try {
    for (const step of steps) await make(step);
    if (problems.length > 0) return { verdict: bad(reasonOf(problems), problems.map((problem) => problem.message).join('; ')), changed };
    if (pending.length > 0)
      return { verdict: bad('Declaring', pending.map(({ message }) => message).join('; ')), changed, afterMs: AGAIN_MS };
    if (intake.length > 0) {
      const waitMs = freshFor(watch, desired, now);
      if (waitMs > 0)
        return {
          verdict: bad('Declaring', 'queues are new: events are let in when a crash of the broker would find them again'),
          changed,
          afterMs: waitMs,
        };
      for (const step of intake) await make(step);
    }
    return { verdict: good('Declared', 'every exchange, queue and binding is on the broker'), changed };
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    if (problems.length > 0) {
      const message = [...problems, error].map((problem) => problem.message).join('; ');
      return { verdict: bad(reasonOf(problems), message), changed, afterMs: REFUSED_AGAIN_MS };
    }
    const reason = refusals[error.code] ?? 'ManagementFailed';
    const needsSomebody = reason === 'PolicyRefused' || reason === 'RunTimeoutTooLong';
    return { verdict: bad(reason, error.message), changed, afterMs: needsSomebody ? REFUSED_AGAIN_MS : AGAIN_MS };
  }
}

const refusals: Readonly<Partial<Record<BrokerErrorCode, ConditionReason>>> = {
  LoginRefused: 'BrokerLoginRefused',
  PolicyRefused: 'PolicyRefused',
  PolicyUnknown: 'RunTimeoutTooLong',
};

/** Whether runs of a topology's agent may take their time: runners that consume before are held to the broker's earlier time. */
export function mayRun(watch: BrokerWatch | undefined, desired: Topology): boolean {
  return grantsTimes(desired, (name) => watch?.snapshot.queue(name));
}

/** How much longer events must be kept out: until every queue outlives a crash of the broker, and its policies are known. */
function freshFor({ snapshot, freshQueueMs }: BrokerWatch, { queues }: Topology, now: number): number {
  const waits = queues.map(({ name }) => {
    const since = snapshot.knownSince(name) ?? now;
    const policyKnown = snapshot.queue(name)?.policy !== undefined;
    return Math.max(since + freshQueueMs, policyKnown ? 0 : since + POLICY_LAG_MS) - now;
  });
  return Math.max(0, ...waits);
}

function reasonOf([first]: readonly Problem[]): Problem['kind'] {
  return first?.kind ?? 'QueueMismatch';
}

/** What is to become of what the agent no longer has, and what was. */
export interface Retirement {
  readonly changed: readonly string[];
  /** What the broker did not let us take away. */
  readonly trouble?: string;
  readonly afterMs?: number;
}

/**
 * Takes away the tiers of an earlier retry schedule: first their routes, once nobody publishes to them any more, then the queues themselves, once they have drained.
 * The policy for runs that may no longer take so long goes, too. `isUsed`: pods of an earlier configuration may still be at work. Never rejects for what the broker does.
 */
export async function retire(
  watch: BrokerWatch,
  names: BrokerNames,
  desired: Topology,
  empty: EmptyWatch,
  isUsed: boolean,
  signal: AbortSignal,
): Promise<Retirement> {
  if (watch.reachability.status !== 'True' || !watch.snapshot.isComplete) return { changed: [] };
  const wanted = new Set(desired.queues.map(({ name }) => name));
  const old = watch.snapshot.queueNames(tierPrefix(names)).filter((name) => !wanted.has(name));
  const isPolicyOld = isOursOn(watch, names.work) && desired.queues.every(({ consumerTimeoutMs }) => consumerTimeoutMs === undefined);
  if (old.length === 0 && !isPolicyOld) return { changed: [] };
  if (isUsed) return { changed: [], afterMs: AGAIN_MS };
  const changed: string[] = [];
  const make = async (change: Step | Removal) => {
    await watch.change(change, signal);
    changed.push(describe(change));
  };
  /** `false`: it is not empty yet, or not known to be. */
  const takeAway = async (queue: string): Promise<boolean> => {
    const routes = watch.snapshot.bindingsOf(queue).filter(({ source }) => source !== '');
    for (const binding of routes) await make({ do: 'unbind', binding });
    if (routes.length > 0) empty.forget(queue);
    else if (watch.isCurrent && empty.look(queue, watch.snapshot.queue(queue)?.depth?.total, watch.listedAt)) {
      await make({ do: 'delete-queue', queue });
      empty.forget(queue);
      return true;
    }
    return false;
  };
  try {
    let isLeft = false;
    for (const queue of old) isLeft = !(await takeAway(queue)) || isLeft;
    if (isPolicyOld) await make({ do: 'delete-policy', policy: policyName(names.work) });
    return { changed, ...(isLeft ? { afterMs: AGAIN_MS } : {}) };
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return { changed, trouble: error.message, afterMs: REFUSED_AGAIN_MS };
  }
}

/** Whether our policy is the one that applies to a work queue. */
export function isOursOn(watch: BrokerWatch, queue: string): boolean {
  return watch.snapshot.queue(queue)?.policy?.user === policyName(queue);
}

/** How the names of an agent's tiers begin. */
function tierPrefix(names: BrokerNames): string {
  return `${names.work}.${routingKeys.tier(0).replace(/0$/, '')}`;
}

/** How many events an agent's queues hold; `undefined` where the broker does not say of each. */
export interface Depths {
  readonly queued: number;
  readonly deadLetters: number;
}

/** Adds up an agent's queues, earlier tiers included. */
export function depthsOf(watch: BrokerWatch, names: BrokerNames): Depths | undefined {
  if (!watch.isCurrent) return undefined;
  const totals = [names.work, names.wait, ...watch.snapshot.queueNames(tierPrefix(names))].map(
    (name) => watch.snapshot.queue(name)?.depth?.total,
  );
  const dead = watch.snapshot.queue(names.dead)?.depth?.total;
  if (dead === undefined || totals.some((total) => total === undefined)) return undefined;
  return { queued: totals.reduce<number>((sum, total) => sum + (total ?? 0), 0), deadLetters: dead };
}

/** A change in words. */
export function describe(change: Step | Removal): string {
  switch (change.do) {
    case 'declare-exchange':
      return `exchange ${change.exchange.name} declared`;
    case 'declare-queue':
      return `queue ${change.queue.name} declared`;
    case 'bind':
      return `${routeOf(change.binding)} bound`;
    case 'unbind':
      return `${routeOf(change.binding)} unbound`;
    case 'delete-queue':
      return `queue ${change.queue} deleted`;
    case 'delete-exchange':
      return `exchange ${change.exchange} deleted`;
    case 'set-policy':
      return `policy ${change.policy.name} set`;
    case 'delete-policy':
      return `policy ${change.policy} deleted`;
    default:
      return change satisfies never;
  }
}

function routeOf({ source, queue, routingKey }: Binding): string {
  return `${source} → ${queue} (${routingKey === '' ? 'no key' : routingKey})`;
}
