import type { EventAgentStatus } from '../../api/generated/event-agent.ts';
import { CONFIGURATION_ANNOTATION, FINALIZER, labelNames, runnerName, selectorFor, selectorText } from '../../api/kube-names.ts';
import { type AgentRef, brokerNames } from '../../api/names.ts';
import { isPodReady } from '../../kube/pod-trouble.ts';
import { resources } from '../../kube/resources.ts';
import { EmptyWatch } from '../broker/empty-watch.ts';
import { gatewayVerdict } from '../gateway/gateway-states.ts';
import type { CachedDeployment, CachedPod, Operator, Reconciled } from '../operator.ts';
import { askAboutPods } from '../pods/ask.ts';
import { isRolledOut, rolloutVerdict } from '../pods/rollout.ts';
import { refusalOf } from '../refusal.ts';
import { bad, unknown, type Verdict } from '../verdict.ts';
import { Deletions } from './deletion.ts';
import { runnerObjectsFor } from './desired.ts';
import { fanOutVerdict } from './fan-out-verdict.ts';
import type { InForce, Standing } from './namespace-view.ts';
import { isDeleting, type StoredEventAgent } from './resource.ts';
import { alikeVerdict, askRunners, budgetVerdict, modelVerdict } from './runner-verdicts.ts';
import { statusFor } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import { bringAbout, depthsOf, mayRun, retire, type TopologyResult } from './topology.ts';
import { announce, announceRepaired, announceRetired } from './transitions.ts';

/** While pods are not as they should be, they are asked again this soon; the longer it takes, the less often: what becomes of them is heard of anyway. */
const PODS_AGAIN_MS = { least: 5_000, most: 55_000 };

/** Runners are asked this often how the provider and the budget are: nothing else tells of that. */
const RUNNERS_AGAIN_MS = 20_000;

/** Brings one agent to what its spec says, and its status to what was seen. One for all agents; holds only what can be found out again. */
export class EventAgentReconciler {
  readonly #operator: Operator;
  readonly #deletions: Deletions;
  readonly #statuses: StatusWriter;
  readonly #empty = new EmptyWatch();
  /** The generation, by uid, whose topology has been whole: what is changed after that was changed by somebody else. */
  readonly #whole = new Map<string, number | undefined>();
  /** By uid, the version that the finalizer was written to last. */
  readonly #kept = new Map<string, string | undefined>();

  constructor(operator: Operator) {
    this.#operator = operator;
    this.#deletions = new Deletions(operator);
    this.#statuses = new StatusWriter(operator);
  }

  /** Rejects where an edge failed, and may be repeated. */
  async reconcile(namespace: string, name: string, signal: AbortSignal): Promise<Reconciled> {
    const { caches, views } = this.#operator;
    const agent = caches.eventAgents.get(namespace, name);
    if (agent === undefined) {
      this.#statuses.forget({ namespace, name });
      this.#deletions.forget({ namespace, name });
      return { gone: true };
    }
    if (isDeleting(agent)) {
      this.#whole.delete(agent.metadata.uid ?? '');
      this.#kept.delete(agent.metadata.uid ?? '');
      return this.#deletions.reconcile(agent, signal);
    }
    const standing = views.of(namespace).standingOf(name);
    // The view is made from the same cache; an agent that it lacks is on its way in or out, and there is word of that.
    if (standing === undefined) return {};
    return this.#live(agent, standing, signal);
  }

  async #live(agent: StoredEventAgent, { accepted, inForce }: Standing, signal: AbortSignal): Promise<Reconciled> {
    const { caches, clock, fanOutAbove, gateways, views } = this.#operator;
    const { namespace, name } = agent.metadata;
    if (inForce !== undefined && !agent.metadata.finalizers?.includes(FINALIZER)) await this.#keep(agent, signal);
    const watch = this.#operator.brokers.get(agent.spec.brokerRef);
    const topology: TopologyResult =
      inForce === undefined || watch === undefined
        ? { verdict: unknown('NotObserved', 'nothing is declared before the spec is accepted'), changed: [] }
        : await bringAbout(watch, inForce.compiled.topology, clock.now(), signal);
    // Of an agent that is new nothing else is of use before its queues are there: those of all others that are due go before its pods.
    if (isOnItsWay(topology) && this.#statuses.latest(agent) === undefined) return { behind: true };
    const isHeld = inForce !== undefined && !mayRun(watch, inForce.compiled.topology);
    const toRun = isHeld ? views.lastGoodOf(agent) : inForce;
    const runner = toRun === undefined ? undefined : await this.#apply(agent, toRun, signal);
    const before = this.#statuses.latest(agent);
    // Told now, whatever comes of the rest: the next look finds nothing to mend.
    const repaired = [...this.#drift(agent, before, topology), ...(runner?.repaired ?? []).map((object) => `${object} applied again`)];
    announceRepaired(this.#operator, agent, repaired);
    const deployment = runner?.deployment ?? caches.deployments.get(namespace, runnerName({ name }));
    const pods = this.#podsOf(agent, deployment);
    const answers = await askAboutPods(this.#operator, pods, signal);
    const runnerVerdict =
      runner?.blocked ??
      (deployment === undefined && toRun === undefined
        ? unknown('NotObserved', `nothing is run before ${isHeld ? 'the topology is ready' : 'the spec is accepted'}`)
        : rolloutVerdict({ deployment, pods, ...answers }, 'runner'));
    const names = brokerNames({ namespace, name }, this.#operator.prefix);
    const others = this.#otherPods(agent, runner?.configuration);
    const isMixed = others.length > 0 || (deployment !== undefined && !isRolledOut(deployment));
    const retired =
      watch === undefined || inForce === undefined
        ? { changed: [] }
        : await retire(watch, names, inForce.compiled.topology, this.#empty, isMixed || isHeld, signal);
    announceRetired(this.#operator, agent, retired.changed);
    const depths = watch === undefined ? undefined : this.#statuses.depths(agent, depthsOf(watch, names));
    const told = await askRunners(pods, signal);
    const model = modelVerdict(told);
    const fanOut = views.fanOutIn(namespace);
    const budget = budgetVerdict(inForce?.agent.spec.budget !== undefined, told);
    const status = statusFor(
      {
        generation: agent.metadata.generation ?? 0,
        verdicts: {
          Accepted: accepted,
          BrokerReachable: watch?.reachability ?? unknown('NotObserved', `the operator has no broker ${agent.spec.brokerRef}`),
          TopologyReady: withTrouble(topology.verdict, retired.trouble),
          GatewayReady: gatewayVerdict(inForce?.compiled, gateways.get(namespace), views.of(namespace).gateway !== undefined),
          RunnerAvailable: runnerVerdict,
        },
        model,
        budget,
        alike: alikeVerdict(told),
        fanOut: fanOutVerdict(inForce?.compiled, this.#statuses.reach(agent, fanOut.wide.get(name)), fanOut.isExact, fanOutAbove),
        costToday: this.#statuses.costToday(agent, told?.costTodayNanoUsd),
        suspended: !agent.spec.suspend ? 'no' : others.some(({ status: { phase } = {} }) => phase === 'Running') ? 'not yet' : 'yes',
        depths,
        replicas: deployment?.status?.replicas ?? (deployment === undefined ? undefined : 0),
        selector: selectorText(selectorFor('runner', name)),
        routes: inForce?.compiled.routes ?? [],
        configuration: runner?.configuration ?? before?.configuration,
      },
      before,
      timestamp(clock.now()),
    );
    await this.#statuses.write(agent, status, signal);
    announce(this.#operator, agent, before, status);
    return soonest(
      topology.afterMs,
      retired.afterMs,
      runnerVerdict.status === 'True' ? RUNNERS_AGAIN_MS : podsAgainMs(status, clock.now()),
    );
  }

  /** What had to be made again on the broker, although it had been there. */
  #drift({ metadata }: StoredEventAgent, before: EventAgentStatus | undefined, { verdict, changed }: TopologyResult): readonly string[] {
    const { uid = '', generation } = metadata;
    const stood = before?.conditions?.some(
      ({ type, status, observedGeneration }) => type === 'TopologyReady' && status === 'True' && observedGeneration === generation,
    );
    const wasWhole = stood || (this.#whole.has(uid) && this.#whole.get(uid) === generation);
    if (verdict.status === 'True' || stood) this.#whole.set(uid, generation);
    return wasWhole ? changed : [];
  }

  /** Keeps the agent from vanishing with its queues unattended. */
  async #keep(agent: StoredEventAgent, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid = '', resourceVersion, finalizers = [] } = agent.metadata;
    // The cache has not seen what was written last.
    if (this.#kept.get(uid) === resourceVersion) return;
    const patch = { metadata: { resourceVersion, finalizers: [...finalizers, FINALIZER] } };
    await this.#operator.kube.mergePatch(resources.eventAgents, namespace, name, patch, {}, signal);
    this.#kept.set(uid, resourceVersion);
  }

  async #apply(live: StoredEventAgent, { agent, compiled }: InForce, signal: AbortSignal): Promise<AppliedRunner> {
    const { applier, caches, pods } = this.#operator;
    const { namespace } = live.metadata;
    const { configuration, deployment } = runnerObjectsFor(agent, compiled, pods);
    const { name: configurationName } = configuration.metadata;
    const known = caches.deployments.get(namespace, deployment.metadata.name);
    const repaired: string[] = [];
    const base = { configuration: configurationName, repaired };
    let stored: CachedDeployment | undefined;
    try {
      for (const [resource, object, there, isDrift] of [
        // A Deployment is applied after the configuration that it names.
        [
          resources.configMaps,
          configuration,
          caches.configMaps.get(namespace, configurationName),
          configurationOf(known) === configurationName,
        ],
        [resources.deployments, deployment, known, hadRunner(this.#statuses.latest(live))],
      ] as const) {
        const applied = await applier.apply(resource, object, there, signal);
        const { kind, metadata } = object;
        if (applied.did === 'leave')
          return {
            ...base,
            blocked: bad('NameTaken', `${kind} ${metadata.name} exists and was not made for this agent: rename or delete it`),
          };
        if (applied.did === 'nothing') continue;
        if (kind === 'Deployment') stored = applied.object as CachedDeployment;
        if (applied.repaired || (there === undefined && isDrift)) repaired.push(`${kind} ${metadata.name}`);
      }
      await this.#prune(live.metadata, configurationName, signal);
    } catch (error) {
      return { ...base, blocked: refusalOf(error) };
    }
    return { ...base, ...(stored === undefined ? {} : { deployment: stored }) };
  }

  /** Configurations that no ReplicaSet names any more. */
  async #prune({ namespace, name }: AgentRef, current: string, signal: AbortSignal): Promise<void> {
    const { caches, kube } = this.#operator;
    const isOurs = (labels: Readonly<Record<string, string>> | undefined) =>
      labels?.[labelNames.agent] === name && labels[labelNames.component] === 'runner';
    const named = new Set(
      caches.replicaSets
        .list(namespace)
        .filter(({ metadata }) => isOurs(metadata.labels))
        .map(({ spec }) => spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION]),
    );
    // The ReplicaSet of a template that was applied this moment is not made yet.
    const deployed = caches.deployments.get(namespace, runnerName({ name }))?.spec?.template?.metadata?.annotations?.[
      CONFIGURATION_ANNOTATION
    ];
    for (const { metadata } of caches.configMaps.list(namespace)) {
      if (!isOurs(metadata.labels) || metadata.name === current || metadata.name === deployed || named.has(metadata.name)) continue;
      await kube.delete(resources.configMaps, namespace, metadata.name, {}, signal);
    }
  }

  /** Pods that run another configuration than this, those that are ending included. */
  #otherPods({ metadata: { namespace, name } }: StoredEventAgent, configuration: string | undefined): readonly CachedPod[] {
    return this.#operator.caches.pods
      .list(namespace)
      .filter(
        ({ metadata: { labels, annotations } }) =>
          labels?.[labelNames.agent] === name &&
          labels[labelNames.component] === 'runner' &&
          annotations?.[CONFIGURATION_ANNOTATION] !== configuration,
      );
  }

  /** The agent's pods of the configuration that its Deployment has now; those in trouble first. */
  #podsOf({ metadata: { namespace, name } }: StoredEventAgent, deployment: CachedDeployment | undefined): readonly CachedPod[] {
    const { caches } = this.#operator;
    const configuration = deployment?.spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION];
    return caches.pods
      .list(namespace)
      .filter(
        ({ metadata }) =>
          metadata.labels?.[labelNames.agent] === name &&
          metadata.labels[labelNames.component] === 'runner' &&
          metadata.deletionTimestamp === undefined &&
          metadata.annotations?.[CONFIGURATION_ANNOTATION] === configuration,
      )
      .toSorted((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)));
  }
}

/** A tenth of the time for which the runner has not been available. */
function podsAgainMs({ conditions }: EventAgentStatus, now: number): number {
  const since = conditions?.find(({ type }) => type === 'RunnerAvailable')?.lastTransitionTime;
  const tenth = since === undefined ? 0 : (now - Date.parse(since)) / 10;
  return Math.min(Math.max(tenth, PODS_AGAIN_MS.least), PODS_AGAIN_MS.most);
}

/** What could not be taken away does no harm, and is told beside the rest. */
function withTrouble(verdict: Verdict, trouble: string | undefined): Verdict {
  return trouble === undefined ? verdict : { ...verdict, message: `${verdict.message}; ${trouble}` };
}

/** Something was made on the broker, and nothing is in the way of the rest. */
function isOnItsWay({ changed, verdict }: TopologyResult): boolean {
  return changed.length > 0 && (verdict.status === 'True' || verdict.reason === 'Declaring');
}

/** What came of applying a runner. */
interface AppliedRunner {
  /** Name of the ConfigMap in force. */
  readonly configuration: string;
  /** Why it cannot be had. */
  readonly blocked?: Verdict;
  /** What was not as it had been applied before. */
  readonly repaired: readonly string[];
  /** As it was stored this moment: the cache does not have it yet. */
  readonly deployment?: CachedDeployment;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
}

function configurationOf(deployment: CachedDeployment | undefined): string | undefined {
  return deployment?.spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION];
}

/** Whether the agent had a Deployment of its own: one that is missing now was taken away by somebody. */
function hadRunner(status: EventAgentStatus | undefined): boolean {
  const isForeign = status?.conditions?.some(({ type, reason }) => type === 'RunnerAvailable' && reason === 'NameTaken');
  return status?.replicas !== undefined && isForeign !== true;
}

function soonest(...waits: readonly (number | undefined)[]): Reconciled {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? {} : { afterMs: Math.min(...known) };
}
