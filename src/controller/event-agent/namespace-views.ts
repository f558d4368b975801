import { isDeepStrictEqual } from 'node:util';
import { CONFIGURATION_ANNOTATION, runnerName } from '../../api/kube-names.ts';
import { compile, type Problem, problemsOf } from '../../compile/compile.ts';
import type { Cache, CachedConfigMap, CachedDeployment } from '../operator.ts';
import { type FanOut, fanOutOf, type Reach } from './fan-out.ts';
import { type InForce, type Judged, type NamespaceView, namespaceView } from './namespace-view.ts';
import type { StoredEventAgent } from './resource.ts';

/** Under this key a runner's ConfigMap also holds the spec that it was made from, for the time when the agent's own is not accepted any more. */
export const SPEC_KEY = 'spec.json';

/** The view of each namespace, judged again only when something it depends on has changed. */
export class NamespaceViews {
  readonly #caches: {
    readonly eventAgents: Cache<StoredEventAgent>;
    readonly deployments: Cache<CachedDeployment>;
    readonly configMaps: Cache<CachedConfigMap>;
  };
  readonly #prefix: string;
  readonly #brokers: ReadonlySet<string>;
  readonly #fanOutAbove: number;
  readonly #views = new Map<string, NamespaceView>();
  /** Views that are outdated, until somebody has asked what is otherwise. */
  readonly #before = new Map<string, NamespaceView>();
  readonly #fanOuts = new Map<string, { readonly view: NamespaceView; readonly fanOut: FanOut }>();
  /** The wide reaches, by namespace, of which the agents concerned have been woken. */
  readonly #wideBefore = new Map<string, ReadonlyMap<string, Reach>>();
  /** By uid; parsing templates and filters again for each change of a neighbour would be most of the work. */
  readonly #judged = new Map<string, Judged & { readonly generation: number | undefined }>();

  constructor(options: {
    readonly caches: {
      readonly eventAgents: Cache<StoredEventAgent>;
      readonly deployments: Cache<CachedDeployment>;
      readonly configMaps: Cache<CachedConfigMap>;
    };
    readonly prefix: string;
    readonly brokers: ReadonlySet<string>;
    /** More agents than this are too many for one event type. */
    readonly fanOutAbove: number;
  }) {
    this.#caches = options.caches;
    this.#prefix = options.prefix;
    this.#brokers = options.brokers;
    this.#fanOutAbove = options.fanOutAbove;
  }

  of(namespace: string): NamespaceView {
    const known = this.#views.get(namespace);
    if (known !== undefined) return known;
    const view = namespaceView(namespace, this.#caches.eventAgents.list(namespace), {
      brokers: this.#brokers,
      judged: (agent) => this.#judge(agent),
      lastGood: (agent) => this.lastGoodOf(agent),
    });
    this.#views.set(namespace, view);
    return view;
  }

  /** How far the events of a namespace spread; computed again only when an agent has come, gone, or changed its patterns. */
  fanOutIn(namespace: string): FanOut {
    const view = this.of(namespace);
    const known = this.#fanOuts.get(namespace);
    if (known?.view === view) return known.fanOut;
    const isSame = known !== undefined && isDeepStrictEqual(known.view.subscribers, view.subscribers);
    const fanOut = isSame ? known.fanOut : fanOutOf(view.subscribers, this.#fanOutAbove);
    this.#fanOuts.set(namespace, { view, fanOut });
    return fanOut;
  }

  /** An agent's spec has changed, or the configuration that its pods run: the namespace is judged anew when somebody asks. */
  outdate(namespace: string): void {
    const view = this.#views.get(namespace);
    if (view === undefined) return;
    this.#views.delete(namespace);
    if (!this.#before.has(namespace)) this.#before.set(namespace, view);
  }

  /** The version that an agent's pods run has been written: that matters where one is not accepted as it is. */
  outdateLastGood(namespace: string): void {
    if (this.#views.get(namespace)?.dependsOnLastGood) this.outdate(namespace);
  }

  /** The names of the agents that stand otherwise than before the view was outdated. */
  changedIn(namespace: string): readonly string[] {
    const before = this.#before.get(namespace);
    this.#before.delete(namespace);
    const now = this.of(namespace);
    const { wide } = this.fanOutIn(namespace);
    const wideBefore = this.#wideBefore.get(namespace);
    this.#wideBefore.set(namespace, wide);
    const names = this.#caches.eventAgents.list(namespace).map(({ metadata }) => metadata.name);
    if (names.length === 0) for (const memory of [this.#views, this.#fanOuts, this.#wideBefore]) memory.delete(namespace);
    return names.filter((name) => {
      // Of another number an agent learns when it is looked at again: each one more would wake all.
      if (wide.has(name) !== (wideBefore?.has(name) ?? false)) return true;
      const [one, other] = [before?.standingOf(name), now.standingOf(name)];
      return one?.inForce?.compiled !== other?.inForce?.compiled || one?.accepted.message !== other?.accepted.message;
    });
  }

  /** The version of an agent that its pods run: as the status names it, or its Deployment. It is read as anybody's might be: compiled for this agent, and only if it makes sense. */
  lastGoodOf(agent: StoredEventAgent): InForce | undefined {
    const { namespace, name } = agent.metadata;
    const deployment = this.#caches.deployments.get(namespace, runnerName({ name }));
    const configuration = agent.status?.configuration ?? deployment?.spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION];
    const text = configuration === undefined ? undefined : this.#caches.configMaps.get(namespace, configuration)?.data?.[SPEC_KEY];
    if (text === undefined) return undefined;
    // How many pods there are and where, whether they take events at all, and what becomes of the queues at the end, is as it is now.
    const { replicas, podTemplate, deletionPolicy, suspend } = agent.spec;
    const stored = JSON.parse(text) as Omit<StoredEventAgent['spec'], 'replicas' | 'podTemplate' | 'deletionPolicy'>;
    const spec = { ...stored, replicas, suspend, deletionPolicy, ...(podTemplate === undefined ? {} : { podTemplate }) };
    const effective = { ...agent, spec };
    const { compiled, problems } = this.#judgeAlone(effective);
    return problems.length === 0 ? { agent: effective, compiled } : undefined;
  }

  /** An agent is gone for good. */
  forget(uid: string): void {
    this.#judged.delete(uid);
  }

  #judge(agent: StoredEventAgent): Judged {
    const { uid = '', generation } = agent.metadata;
    const known = this.#judged.get(uid);
    if (known !== undefined && known.generation === generation) return known;
    const judged = { generation, ...this.#judgeAlone(agent) };
    this.#judged.set(uid, judged);
    return judged;
  }

  #judgeAlone(agent: StoredEventAgent): Judged {
    return { compiled: compile(agent, this.#prefix), problems: [...problemsOf(agent), ...reservedNames(agent, this.#prefix)] };
  }
}

/** Names on the broker that are the installation's own: an agent must not bind to another one's exchange. The CRD knows the usual prefix only. */
function reservedNames({ spec }: StoredEventAgent, prefix: string): readonly Problem[] {
  return (spec.triggers ?? []).flatMap(({ queue }, index) =>
    queue?.exchange?.name.startsWith(`${prefix}.`)
      ? [
          {
            path: `spec.triggers[${index}].queue.exchange.name`,
            message: `exchanges that begin with "${prefix}." belong to EventAgent itself: name one of your own, or use eventTypes for the namespace's events`,
          },
        ]
      : [],
  );
}
