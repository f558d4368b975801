import { consumerTimeoutFor } from '../../api/hold-times.ts';
import { FINALIZER, labelNames, RELEASE_ANNOTATION, runnerName } from '../../api/kube-names.ts';
import { type AgentRef, agentId, type BrokerNames, brokerNames, eventsExchange } from '../../api/names.ts';
import { BrokerError } from '../../broker/port.ts';
import { policyName, type Removal, type Step } from '../../broker/topology.ts';
import { KubeError } from '../../kube/kube-error.ts';
import { resources } from '../../kube/resources.ts';
import { messageOf } from '../../lib/errors.ts';
import type { BrokerWatch } from '../broker/broker-watch.ts';
import { EmptyWatch } from '../broker/empty-watch.ts';
import type { Operator, Reconciled } from '../operator.ts';
import { isDeleting, type StoredEventAgent } from './resource.ts';
import { isOursOn } from './topology.ts';

/** How soon a deletion is looked at again. */
const AGAIN_MS = 5000;

/** A broker that does not answer is waited for this long; then the agent is let go, and an event says what may be left. */
const BROKER_GONE_MS = 60_000;

/** Pods of a runner get 90 s to end; one of a node that is gone never does. */
const PODS_GONE_MS = 180_000;

/** Queues are given this long to be seen empty twice; they were cut off from their senders before. */
const DRAIN_MS = 40_000;

/** How far one deletion has come. What is forgotten with the process is found out again. */
interface Progress {
  /** Of which agent of that name. */
  readonly uid: string | undefined;
  readonly startedAt: number;
  readonly empty: EmptyWatch;
  /** Since when nothing but the queues is left. */
  cutOffAt: number | undefined;
  /** Since when the broker has not answered. */
  brokerGoneSince: number | undefined;
  /** Whether a policy of ours was seen on its work queue, or may be there where another one applies. */
  policy: 'seen' | 'possible' | undefined;
}

/** Sees to what agents leave behind: their pods go, then their queues as the deletion policy says, then the agent itself. */
export class Deletions {
  readonly #operator: Operator;
  readonly #progress = new Map<string, Progress>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** One step further. Rejects where the API server fails, and may be repeated. */
  async reconcile(agent: StoredEventAgent, signal: AbortSignal): Promise<Reconciled> {
    const { metadata, spec } = agent;
    if (!metadata.finalizers?.includes(FINALIZER)) return {};
    const { clock, brokers, prefix } = this.#operator;
    const names = brokerNames(metadata, prefix);
    if (metadata.annotations?.[RELEASE_ANNOTATION] === 'true')
      return this.#release(agent, `released by the annotation ${RELEASE_ANNOTATION}`, [`${names.work}*`], signal);
    const now = clock.now();
    const progress = this.#progressOf(agent, now);
    this.#progress.set(agentId(metadata), progress);
    if (!(await this.#podsAreGone(agent, now - progress.startedAt, signal))) return { afterMs: AGAIN_MS };
    const watch = brokers.get(spec.brokerRef);
    if (watch === undefined) return this.#release(agent, `the operator has no broker ${spec.brokerRef}`, [`${names.work}*`], signal);
    if (watch.reachability.status !== 'True' || !watch.snapshot.isComplete) {
      progress.brokerGoneSince ??= now;
      if (now - progress.brokerGoneSince < BROKER_GONE_MS) return { afterMs: AGAIN_MS };
      return this.#release(agent, `the broker cannot be asked: ${watch.reachability.message}`, [`${names.work}*`], signal);
    }
    progress.brokerGoneSince = undefined;
    try {
      return await this.#takeAway(agent, watch, names, progress, signal);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.#operator.log.warn('a deletion goes on later', { agent: agentId(metadata), error: messageOf(error) });
      if (now - progress.startedAt < PODS_GONE_MS + BROKER_GONE_MS + DRAIN_MS) return { afterMs: AGAIN_MS };
      return this.#release(agent, messageOf(error), [`${names.work}*`], signal);
    }
  }

  /** The agent is gone, by our doing or by somebody else's. */
  forget(agent: AgentRef): void {
    this.#progress.delete(agentId(agent));
  }

  /** Of this very agent: another one of its name began anew. */
  #progressOf({ metadata }: StoredEventAgent, now: number): Progress {
    const known = this.#progress.get(agentId(metadata));
    if (known !== undefined && known.uid === metadata.uid) return known;
    return {
      uid: metadata.uid,
      startedAt: now,
      empty: new EmptyWatch(),
      cutOffAt: undefined,
      brokerGoneSince: undefined,
      policy: undefined,
    };
  }

  /** Whether nobody consumes any more. The Deployment is deleted first. */
  async #podsAreGone({ metadata }: StoredEventAgent, sinceMs: number, signal: AbortSignal): Promise<boolean> {
    const { kube, caches } = this.#operator;
    const { namespace, name } = metadata;
    if (caches.deployments.get(namespace, runnerName({ name })) !== undefined)
      await kube.delete(resources.deployments, namespace, runnerName({ name }), { propagationPolicy: 'Background' }, signal);
    const isLeft = caches.pods
      .list(namespace)
      .some((pod) => pod.metadata.labels?.[labelNames.agent] === name && pod.metadata.labels[labelNames.component] === 'runner');
    return !isLeft || sinceMs >= PODS_GONE_MS;
  }

  async #takeAway(
    agent: StoredEventAgent,
    watch: BrokerWatch,
    names: BrokerNames,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<Reconciled> {
    const { clock } = this.#operator;
    const { snapshot } = watch;
    const change = (step: Step | Removal) => watch.change(step, signal);
    const { queue: work, deadLetters: dead } = agent.spec.deletionPolicy;
    // Senders first. What the agent's own exchange leads to stays, where what is in the tiers has to find its way back.
    const routes = snapshot
      .bindingsOf(names.work)
      .filter(({ source }) => source !== '' && (work !== 'Retain' || source !== names.exchange));
    for (const binding of routes) await change({ do: 'unbind', binding });
    progress.cutOffAt ??= clock.now();
    if (isOursOn(watch, names.work)) progress.policy = 'seen';
    else if (consumerTimeoutFor(agent.spec.delivery.runTimeoutSeconds * 1000) !== undefined) progress.policy ??= 'possible';
    const working = snapshot.queueNames(names.work).filter((name) => isWorking(name, names));
    const groups = [
      { queues: working, policy: work },
      { queues: snapshot.queue(names.dead) === undefined ? [] : [names.dead], policy: dead },
    ];
    const isOver = clock.now() - progress.cutOffAt >= DRAIN_MS;
    let isWaiting = false;
    for (const { queues, policy } of groups) {
      if (policy === 'Retain' || queues.length === 0) continue;
      // Together: a tier that still holds an event needs the others.
      const seenEmpty = queues.map(
        (queue) =>
          watch.listedAt > (progress.cutOffAt ?? 0) && progress.empty.look(queue, snapshot.queue(queue)?.depth?.total, watch.listedAt),
      );
      if (policy === 'Delete' || seenEmpty.every(Boolean)) for (const queue of queues) await change({ do: 'delete-queue', queue });
      else if (!isOver) isWaiting = true;
    }
    if (isWaiting) return { afterMs: AGAIN_MS };
    const left = [...snapshot.queueNames(names.work)].filter((name) => isWorking(name, names) || name === names.dead);
    if (left.every((name) => name === names.dead)) {
      if (snapshot.hasExchange(names.exchange)) await change({ do: 'delete-exchange', exchange: names.exchange });
    }
    await this.#leaveNamespace(agent, watch, signal);
    const refused =
      progress.policy === undefined ? undefined : await this.#removePolicy(watch, policyName(names.work), progress.policy, signal);
    const leftQueues = left.map((name) => describeLeft(name, snapshot.queue(name)?.depth?.total));
    if (refused !== undefined) return this.#release(agent, refused, [...leftQueues, `policy ${policyName(names.work)}`], signal);
    return this.#release(agent, undefined, leftQueues, signal);
  }

  /** Why a policy of ours could not be taken away, where the user may not; it does no harm, and does not keep the agent. */
  async #removePolicy(watch: BrokerWatch, policy: string, is: 'seen' | 'possible', signal: AbortSignal): Promise<string | undefined> {
    try {
      await watch.change({ do: 'delete-policy', policy }, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof BrokerError && error.code === 'PolicyRefused')) throw error;
      return is === 'seen' ? error.message : undefined;
    }
  }

  /** The last agent of a namespace takes the events exchange along; nothing is in an exchange. */
  async #leaveNamespace({ metadata, spec }: StoredEventAgent, watch: BrokerWatch, signal: AbortSignal): Promise<void> {
    const { caches, prefix } = this.#operator;
    const others = caches.eventAgents
      .list(metadata.namespace)
      .some((other) => other.metadata.name !== metadata.name && other.spec.brokerRef === spec.brokerRef && !isDeleting(other));
    const exchange = eventsExchange(metadata.namespace, prefix);
    if (!others && watch.snapshot.hasExchange(exchange)) await watch.change({ do: 'delete-exchange', exchange }, signal);
  }

  /** Lets the agent go. `why`: something is left that should not be. */
  async #release(agent: StoredEventAgent, why: string | undefined, left: readonly string[], signal: AbortSignal): Promise<Reconciled> {
    const { kube, events, log } = this.#operator;
    const { namespace, name, resourceVersion, finalizers = [] } = agent.metadata;
    if (why !== undefined || left.length > 0) {
      const what = left.join(', ');
      const note =
        why === undefined
          ? `left on the broker, as spec.deletionPolicy says (Retain, or DeleteIfEmpty and not empty): ${what}`
          : `let go with its topology unattended: ${why}; left on the broker, as far as they exist: ${what}`;
      events.record(agent, {
        type: why === undefined ? 'Normal' : 'Warning',
        reason: why === undefined ? 'QueuesLeft' : 'TopologyLeft',
        note,
        action: 'Delete',
      });
      log.warn('queues are left on the broker', { agent: agentId(agent.metadata), why: why ?? 'deletion policy', left });
    }
    const patch = { metadata: { resourceVersion, finalizers: finalizers.filter((finalizer) => finalizer !== FINALIZER) } };
    try {
      await kube.mergePatch(resources.eventAgents, namespace, name, patch, {}, signal);
    } catch (error) {
      if (!(error instanceof KubeError && error.code === 'NotFound')) throw error;
    }
    this.#progress.delete(agentId(agent.metadata));
    return {};
  }
}

/** The work queue, its tiers and the wait queue; another agent's names are never among them, since no name of an agent holds a dot. */
function isWorking(queue: string, names: BrokerNames): boolean {
  return queue === names.work || queue === names.wait || queue.startsWith(`${names.work}.retry.`);
}

function describeLeft(queue: string, total: number | undefined): string {
  return `${queue} (${total === undefined ? 'an unknown number of' : total} messages)`;
}
