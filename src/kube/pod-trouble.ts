import type { ConditionReason } from '../api/conditions.ts';

/** Why a pod is not at work. */
export interface Trouble {
  readonly reason: ConditionReason;
  /** What was seen, and on which pod. Never a Secret's value. */
  readonly message: string;
}

/** What of a pod is looked at here. */
export interface PodView {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec?: { readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName?: string } }[] };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly image?: string;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: Readonly<Record<string, unknown>>;
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string };
}

/** What of an event is looked at here. */
export interface EventView {
  readonly reason?: string;
  readonly note?: string;
}

/** What a process of ours says before it ends. */
interface LastWords {
  readonly reason: string;
  readonly message: string;
}

/** Reasons that a process of ours ends with, which are reasons of a condition too. */
const OWN_REASONS = new Set(['BrokerLoginRefused', 'BrokerUnreachable', 'StoreLoginRefused', 'StoreUnreachable', 'BadConfiguration']);

/** What the kubelet says while it has no image. https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go */
const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/** What it says on the way. */
const STARTING_REASONS = new Set(['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff']);

/** Whether a pod is ready for its work. */
export function isPodReady({ status }: PodView): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

/**
 * Why a pod is not at work, as far as its status and its events tell; `undefined` where it is, or is only being started.
 * `events` are the pod's own, the newest first; `unready` is what the pod itself said when it was asked.
 */
export function troubleOf(pod: PodView, events: readonly EventView[], unready?: string): Trouble | undefined {
  const { name } = pod.metadata;
  if (isPodReady(pod)) return undefined;
  const [container] = pod.status?.containerStatuses ?? [];
  const waiting = container?.state?.waiting;
  if (waiting?.reason !== undefined && IMAGE_REASONS.has(waiting.reason)) {
    return troubleFor('ImagePullFailed', `pod ${name}: image ${container?.image ?? ''}: ${waiting.message ?? waiting.reason}`);
  }
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  // Also while it runs once more: what has ended it may end it again, and is said until it is ready.
  if (ended !== undefined) return endOf(pod, ended, container?.restartCount ?? 0);
  if (waiting?.reason !== undefined && !STARTING_REASONS.has(waiting.reason)) {
    return missingSecret(pod, waiting.message ?? '') ?? troubleFor('PodsNotReady', `pod ${name}: ${waiting.message ?? waiting.reason}`);
  }
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
  if (unscheduled !== undefined) return troubleFor('Unschedulable', `pod ${name}: ${unscheduled.message ?? 'no node takes it'}`);
  if (container?.state?.running !== undefined) {
    return unready === undefined
      ? undefined
      : troubleFor(unreadyReason(unready), `pod ${name} is not ready: ${withSecretNames(pod, unready)}`);
  }
  const mount = events.find(({ reason }) => reason === 'FailedMount')?.note;
  return mount === undefined ? undefined : (missingSecret(pod, mount) ?? troubleFor('PodsNotReady', `pod ${name}: ${mount}`));
}

function troubleFor(reason: ConditionReason, message: string): Trouble {
  return { reason, message };
}

/** A process knows its Secrets by where they are mounted; people by their names. */
function withSecretNames({ spec }: PodView, text: string): string {
  return (spec?.volumes ?? []).reduce((sofar, { name, secret }) => {
    return secret?.secretName === undefined ? sofar : sofar.replaceAll(`at /run/eventagent/${name}`, `(Secret ${secret.secretName})`);
  }, text);
}

function endOf(view: PodView, { message, reason, exitCode }: NonNullable<ContainerState['terminated']>, restarts: number): Trouble {
  const { name } = view.metadata;
  const last = lastWords(message);
  const again = restarts > 0 ? `, ${restarts} restarts so far` : '';
  if (last !== undefined && OWN_REASONS.has(last.reason))
    return troubleFor(last.reason as ConditionReason, `pod ${name} ended${again}: ${withSecretNames(view, last.message)}`);
  const words = last?.message ?? message ?? `${reason ?? 'no reason'}, exit code ${exitCode ?? '?'}`;
  return troubleFor('CrashLooping', `pod ${name} ended${again}: ${withSecretNames(view, words)}`);
}

/** The one line of JSON that a process of ours writes to its termination log. */
function lastWords(text: string | undefined): LastWords | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('reason' in parsed) || !('message' in parsed)) return undefined;
    return { reason: String(parsed.reason), message: String(parsed.message) };
  } catch {
    return undefined;
  }
}

/** The kubelet's words for a Secret or a key that it cannot mount. https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/secret/secret.go */
function missingSecret({ metadata: { name }, spec }: PodView, text: string): Trouble | undefined {
  const [, secret] = /secret "([^"]+)" not found/.exec(text) ?? [];
  if (secret !== undefined) return troubleFor('SecretMissing', `pod ${name} waits for Secret ${secret}, which is missing: create it`);
  const [, key] = /references non-existent secret key: (\S+)/.exec(text) ?? [];
  if (key === undefined) return undefined;
  const [, mounted] = /volume "([^"]+)"/.exec(text) ?? [];
  const holder = spec?.volumes?.find((volume) => volume.name === mounted)?.secret?.secretName;
  return troubleFor(
    'SecretMissing',
    `pod ${name} waits for key ${key} of Secret ${holder ?? 'that it mounts'}, which is missing: add the key`,
  );
}

/** A process that is not ready says why in a sentence; by how it begins, some of them have a reason of their own. See src/broker/mounted.ts, src/store/mounted.ts and src/store/guarded.ts. */
function unreadyReason(text: string): ConditionReason {
  for (const reason of ['StoreUnsafe', 'StoreLost'] as const) if (text.startsWith(`${reason}: `)) return reason;
  if (text.startsWith('the store')) return 'StoreUnreachable';
  return text.startsWith('there is no connection to the broker') ? 'BrokerUnreachable' : 'PodsNotReady';
}
