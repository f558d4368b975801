import { ports } from '../../api/kube-names.ts';
import { eventsAbout } from '../../kube/events-about.ts';
import { type EventView, isPodReady } from '../../kube/pod-trouble.ts';
import { systemClock } from '../../lib/clock.ts';
import { within } from '../../lib/within.ts';
import type { CachedPod, Operator } from '../operator.ts';

/** Pods answer at once, or something is in the way. */
const ASK_MS = 2000;

/** More than this is no answer of ours. */
const MOST_BYTES = 256 * 1024;

/** Of how many pods in trouble it is found out why; those of one Deployment are in the same. */
const MOST_ASKED = 2;

/** What is known of pods that are not ready: what Kubernetes says of them, and what they say themselves. */
export interface Answers {
  readonly events: ReadonlyMap<string, readonly EventView[]>;
  readonly unready: ReadonlyMap<string, string>;
}

/** Finds out why pods are not ready. What cannot be had is left out; never rejects, but for the signal. */
export async function askAboutPods({ kube }: Pick<Operator, 'kube'>, pods: readonly CachedPod[], signal: AbortSignal): Promise<Answers> {
  const events = new Map<string, readonly EventView[]>();
  const unready = new Map<string, string>();
  for (const pod of pods.filter((candidate) => !isPodReady(candidate)).slice(0, MOST_ASKED)) {
    const { name, namespace } = pod.metadata;
    const isRunning = pod.status?.containerStatuses?.some(({ state }) => state?.running !== undefined) ?? false;
    if (isRunning) {
      const answer = await askPod(pod, '/readyz', signal);
      if (answer !== undefined && !answer.ok) unready.set(name, answer.text.trim().slice(0, 500));
    } else {
      events.set(name, await eventsAbout(kube, namespace, name, signal));
    }
  }
  signal.throwIfAborted();
  return { events, unready };
}

/** One GET to a pod's metrics port; `undefined` where it does not answer. */
export async function askPod(
  pod: CachedPod,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly ok: boolean; readonly text: string } | undefined> {
  const { podIP } = pod.status ?? {};
  if (podIP === undefined) return undefined;
  const host = podIP.includes(':') ? `[${podIP}]` : podIP;
  try {
    return await within(systemClock, ASK_MS, signal, `pod ${pod.metadata.name}`, async (limited) => {
      // A pod may say what it likes; it does not lead us elsewhere.
      const response = await fetch(`http://${host}:${ports.metrics}${path}`, { redirect: 'error', signal: limited });
      return { ok: response.ok, text: await cutText(response) };
    });
  } catch {
    // The pod is gone, or nobody may reach it: for the caller there is no answer.
    return undefined;
  }
}

/** The beginning of an answer; the rest is not read. */
async function cutText({ body }: Response): Promise<string> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MOST_BYTES).toString('utf8');
}
