import type { Problem } from './plan.ts';
import { type ObservedQueue, type ObservedTopology, policyName, type Queue, type Step, type Topology } from './topology.ts';

/** How it stands with the time for which deliveries may be held. */
export interface ConsumerTimeouts {
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
  /** What the broker does not grant yet, or does not say yet, some seconds after a queue or a policy was made. */
  readonly pending: readonly Problem[];
}

/**
 * What makes the broker let the deliveries of a queue be held for as long as it says:
 *
 * | the queue's definition in effect | the policy on it            |                                                                    |
 * |----------------------------------|-----------------------------|--------------------------------------------------------------------|
 * | unknown, or no queue             |                             | wait                                                               |
 * | has enough time                  | anybody's                   | nothing to do                                                      |
 * | has less                         | none, or ours               | set ours, and wait: the definition follows it within seconds       |
 * | has less                         | somebody else's             | problem: one policy applies, and ours has the least priority of all |
 */
export function consumerTimeouts({ queues }: Topology, observed: ObservedTopology): ConsumerTimeouts {
  const [steps, problems, pending]: [Step[], Problem[], Problem[]] = [[], [], []];
  for (const { name, consumerTimeoutMs } of queues) {
    if (consumerTimeoutMs === undefined) continue;
    const seen = observed.queues.find((queue) => queue.name === name);
    if (grants(seen, consumerTimeoutMs)) continue;
    const user = seen?.policy?.user;
    if (seen?.policy === undefined) pending.push(notGranted(name, consumerTimeoutMs, 'the broker does not say which policies reach it'));
    else if (user !== undefined && user !== policyName(name))
      problems.push(otherPolicy(name, consumerTimeoutMs, user, seen.policy.definition));
    else {
      steps.push({ do: 'set-policy', policy: { name: policyName(name), queue: name, consumerTimeoutMs } });
      pending.push(notGranted(name, consumerTimeoutMs, `policy ${policyName(name)} has not taken effect`));
    }
  }
  return { steps, problems, pending };
}

/** Whether every queue grants the time that it is to grant. Who consumes before is held to the earlier time (RabbitMQ 4.3). */
export function grantsTimes({ queues }: Topology, queue: (name: string) => ObservedQueue | undefined): boolean {
  return queues.every((wanted: Queue) => wanted.consumerTimeoutMs === undefined || grants(queue(wanted.name), wanted.consumerTimeoutMs));
}

function grants(queue: ObservedQueue | undefined, consumerTimeoutMs: number): boolean {
  return Number(queue?.policy?.definition[KEY] ?? 0) >= consumerTimeoutMs;
}

const KEY = 'consumer-timeout';

function notGranted(queue: string, consumerTimeoutMs: number, why: string): Problem {
  const message = `queue ${queue}: deliveries are to be held for ${consumerTimeoutMs} ms, and ${why}`;
  return { kind: 'RunTimeoutTooLong', queue, message };
}

function otherPolicy(queue: string, consumerTimeoutMs: number, user: string, definition: Readonly<Record<string, unknown>>): Problem {
  const now = definition[KEY] === undefined ? `sets no ${KEY}` : `sets ${KEY} ${JSON.stringify(definition[KEY])}`;
  const message =
    `queue ${queue}: runs may take so long that a delivery is held for ${consumerTimeoutMs} ms; policy ${user} applies to the queue and ${now}, and only one policy applies. ` +
    `Set ${KEY} to at least ${consumerTimeoutMs} in it, narrow its pattern so that it does not match the queue, or lower spec.delivery.runTimeoutSeconds to at most 1500`;
  return { kind: 'RunTimeoutTooLong', queue, message };
}
