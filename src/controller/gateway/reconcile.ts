import type { GatewayConfiguration } from '../../api/configuration.ts';
import { type GatewayStatus, parseGatewayStatus } from '../../api/gateway-status.ts';
import { CONFIGURATION_ANNOTATION, GATEWAY_NAME, labelNames } from '../../api/kube-names.ts';
import { isPodReady } from '../../kube/pod-trouble.ts';
import { type KubeObject, type ObjectHead, type Resource, resources } from '../../kube/resources.ts';
import type { CachedDeployment, CachedPod, Operator, Reconciled } from '../operator.ts';
import { askAboutPods, askPod } from '../pods/ask.ts';
import { isRolledOut, rolloutVerdict } from '../pods/rollout.ts';
import { refusalOf } from '../refusal.ts';
import { bad, type Verdict } from '../verdict.ts';
import { type GatewayObjects, gatewayObjectsFor } from './desired.ts';
import type { GatewayState } from './gateway-states.ts';

/** How often the pods are asked which Secrets they can read. */
const ASK_AGAIN_MS = 10_000;
/** While they are not as they should be. */
const SOON_MS = 3000;

/** Brings the gateway of one namespace to the webhooks of its agents, and learns how it fares. */
export class GatewayReconciler {
  readonly #operator: Operator;

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Never rejects for what the API server does: the gateway's state says it, and it is tried again. */
  async reconcile(namespace: string, signal: AbortSignal): Promise<Reconciled> {
    const { views, gateways, pods } = this.#operator;
    const { gateway } = views.of(namespace);
    if (gateway === undefined) {
      await this.#takeAway(namespace, signal);
      gateways.set(namespace, undefined);
      return { gone: true };
    }
    const { configuration } = gateway;
    const objects = gatewayObjectsFor(configuration, gateway.brokerSecret, pods);
    const applied = await this.#apply(namespace, objects, signal);
    if ('blocked' in applied) {
      gateways.set(namespace, { rollout: applied.blocked, served: undefined, missing: undefined });
      return { afterMs: ASK_AGAIN_MS };
    }
    return this.#look(namespace, configuration, objects.configuration.metadata.name, applied.deployment, signal);
  }

  async #apply(
    namespace: string,
    objects: GatewayObjects,
    signal: AbortSignal,
  ): Promise<{ readonly blocked: Verdict } | { readonly deployment: CachedDeployment | undefined }> {
    const { applier, caches, log } = this.#operator;
    const known = caches.deployments.get(namespace, GATEWAY_NAME);
    let deployment = known;
    try {
      await this.#straighten(namespace, objects.service, signal);
      for (const [resource, object, live] of [
        [resources.configMaps, objects.configuration, caches.configMaps.get(namespace, objects.configuration.metadata.name)],
        [resources.services, objects.service, caches.services.get(namespace, GATEWAY_NAME)],
        [resources.podDisruptionBudgets, objects.podDisruptionBudget, caches.podDisruptionBudgets.get(namespace, GATEWAY_NAME)],
        [resources.deployments, objects.deployment, known],
      ] as const) {
        const applied = await applier.apply(resource, object, live, signal);
        const { kind, metadata } = object;
        if (applied.did === 'leave')
          return { blocked: bad('NameTaken', `${kind} ${metadata.name} exists and is not EventAgent's: rename or delete it`) };
        if (applied.did === 'nothing') continue;
        if (kind === 'Deployment') deployment = applied.object as CachedDeployment;
        const wasThere = gatewayIsKnown(this.#operator.gateways.get(namespace));
        if (applied.repaired || (live === undefined && kind !== 'ConfigMap' && wasThere))
          log.warn('the gateway was changed by somebody else, and mended', { namespace, object: `${kind} ${metadata.name}` });
      }
      await this.#prune(namespace, objects.configuration.metadata.name, signal);
      return { deployment };
    } catch (error) {
      return { blocked: refusalOf(error) };
    }
  }

  /** What an apply cannot take away from the Service: further ports, which clash with ours, and further parts of the selector, by which it would lead nowhere. */
  async #straighten(namespace: string, { spec }: KubeObject, signal: AbortSignal): Promise<void> {
    const { kube, caches } = this.#operator;
    const live = caches.services.get(namespace, GATEWAY_NAME);
    if (live === undefined) return;
    const { selector, ports } = spec as ServiceSpec;
    const surplus = Object.keys(live.spec?.selector ?? {}).filter((name) => !(name in selector));
    if (surplus.length === 0 && (live.spec?.ports ?? []).every(({ port }) => ports.some((own) => own.port === port))) return;
    const patch = { spec: { ports, selector: { ...selector, ...Object.fromEntries(surplus.map((name) => [name, null])) } } };
    await kube.mergePatch(resources.services, namespace, GATEWAY_NAME, patch, {}, signal);
  }

  /** Finds out how the pods fare, and tells the agents. */
  async #look(
    namespace: string,
    { routes, typePatterns }: GatewayConfiguration,
    configuration: string,
    deployment: CachedDeployment | undefined,
    signal: AbortSignal,
  ): Promise<Reconciled> {
    const { gateways } = this.#operator;
    const isCurrent = deployment !== undefined && configurationOf(deployment) === configuration;
    const pods = this.#podsOf(namespace, configuration);
    const answers = await askAboutPods(this.#operator, pods, signal);
    const rollout = rolloutVerdict({ deployment: isCurrent ? deployment : undefined, pods, ...answers }, 'gateway');
    const isWhole = isCurrent && isRolledOut(deployment);
    const isAvailable = (deployment?.status?.availableReplicas ?? 0) > 0;
    const before = gateways.get(namespace);
    const served = isWhole ? { routes, typePatterns } : isAvailable ? before?.served : undefined;
    // Secrets of what is served already; pods of an earlier configuration know of nothing else.
    const missing = isWhole ? await missingSecrets(pods, signal) : served === undefined ? undefined : before?.missing;
    gateways.set(namespace, { rollout, served, missing });
    return { afterMs: rollout.status === 'True' && missing !== undefined ? ASK_AGAIN_MS : SOON_MS };
  }

  #podsOf(namespace: string, configuration: string): readonly CachedPod[] {
    return this.#operator.caches.pods
      .list(namespace)
      .filter(
        ({ metadata }) =>
          metadata.labels?.[labelNames.component] === 'gateway' &&
          metadata.deletionTimestamp === undefined &&
          metadata.annotations?.[CONFIGURATION_ANNOTATION] === configuration,
      );
  }

  /** Configurations that no ReplicaSet names any more. */
  async #prune(namespace: string, current: string, signal: AbortSignal): Promise<void> {
    const { caches, kube } = this.#operator;
    const isOurs = ({ metadata }: ObjectHead) => metadata.labels?.[labelNames.component] === 'gateway';
    const named = new Set(caches.replicaSets.list(namespace).filter(isOurs).map(configurationOf));
    const deployment = caches.deployments.get(namespace, GATEWAY_NAME);
    if (deployment !== undefined) named.add(configurationOf(deployment));
    for (const { metadata } of caches.configMaps.list(namespace).filter(isOurs))
      if (metadata.name !== current && !named.has(metadata.name))
        await kube.delete(resources.configMaps, namespace, metadata.name, {}, signal);
  }

  /** The namespace has no webhook. */
  async #takeAway(namespace: string, signal: AbortSignal): Promise<void> {
    const { caches, kube } = this.#operator;
    const takeAway = async (resource: Resource, objects: readonly ObjectHead[]) => {
      for (const { metadata } of objects.filter((object) => object.metadata.labels?.[labelNames.component] === 'gateway'))
        await kube.delete(resource, namespace, metadata.name, { propagationPolicy: 'Background' }, signal);
    };
    await takeAway(resources.deployments, caches.deployments.list(namespace));
    await takeAway(resources.services, caches.services.list(namespace));
    await takeAway(resources.podDisruptionBudgets, caches.podDisruptionBudgets.list(namespace));
    await takeAway(resources.configMaps, caches.configMaps.list(namespace));
  }
}

/** What of a Service is looked at here. */
interface ServiceSpec {
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly port: number }[];
}

/** Whether the gateway has been at work: what is missing then was taken away. */
function gatewayIsKnown(state: GatewayState | undefined): boolean {
  return state?.served !== undefined;
}

function configurationOf({ spec }: Pick<CachedDeployment, 'spec'>): string | undefined {
  return spec?.template?.metadata?.annotations?.[CONFIGURATION_ANNOTATION];
}

/** What any of the ready pods cannot read; `undefined` where none could be asked. */
async function missingSecrets(
  pods: readonly CachedPod[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  const answers = await Promise.all(pods.filter(isPodReady).map((pod) => askPod(pod, '/status', signal)));
  const statuses = answers.flatMap((answer) => (answer?.ok ? (statusOf(answer.text) ?? []) : []));
  if (statuses.length === 0) return undefined;
  const missing = new Map<string, readonly string[]>();
  for (const { agent, trigger, secrets, missing: lacking } of statuses.flatMap(({ routes }) => routes)) {
    // While one of several can be read, the webhook is served.
    if (secrets === 'Readable') continue;
    const key = `${agent}/${trigger}`;
    missing.set(key, [...new Set([...(missing.get(key) ?? []), ...lacking])].toSorted(byText));
  }
  return missing;
}

function statusOf(text: string): GatewayStatus | undefined {
  try {
    return parseGatewayStatus(text);
  } catch {
    // Somebody else answers on that port; that is as good as no answer.
    return undefined;
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
