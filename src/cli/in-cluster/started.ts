import { conditionReasons } from '../../api/conditions.ts';
import { eventsAbout } from '../../kube/events-about.ts';
import { type Trouble, troubleOf } from '../../kube/pod-trouble.ts';
import { sleep } from '../../lib/clock.ts';
import { InCluster } from './errors.ts';
import { type JobPod, type JobPorts, type JobRef, podOf, stageOf } from './job-pod.ts';

const LOOK_MS = 1_000;

/** A pod that is in trouble may get out of it: an image is pulled at the second try, a node is made. */
const TROUBLE_MS = 60_000;

/** A large image on a slow line. */
const START_MS = 300_000;

/**
 * Waits until the pod of a Job has begun; its name. `tell` is told what it waits for, each thing once. Rejects with `InCluster` (`NotStarted`), which says why and what to do, `KubeError`, or the
 * signal's reason.
 */
export async function startedPod(ports: JobPorts, job: JobRef, tell: (line: string) => void, signal: AbortSignal): Promise<string> {
  const { clock } = ports;
  const beganAt = clock.now();
  let troubledAt: number | undefined;
  const told = new Set<string>();
  for (;;) {
    const pod = await podOf(ports, job, signal);
    const stage = pod === undefined ? undefined : stageOf(pod);
    // A process that has ended has something to say, too; a pod that was refused has not.
    if (pod !== undefined && (stage?.is === 'running' || (stage?.is === 'over' && hasRun(pod)))) return pod.metadata.name;
    if (stage?.is === 'over') throw notStarted(job, stage.why);
    const trouble = await troubleIn(ports, job, pod, signal);
    const now = clock.now();
    if (trouble === undefined) {
      troubledAt = undefined;
      if (now - beganAt >= START_MS)
        throw notStarted(
          job,
          `${pod === undefined ? 'no pod was made' : `pod ${pod.metadata.name} has not begun`} within ${START_MS / 1000} s`,
        );
    } else {
      troubledAt ??= now;
      if (now - troubledAt >= TROUBLE_MS || now - beganAt >= START_MS)
        throw notStarted(job, `${trouble.message}. ${conditionReasons[trouble.reason]}`);
      if (!told.has(trouble.reason)) tell(`waiting: ${trouble.message}`);
      told.add(trouble.reason);
    }
    await sleep(clock, LOOK_MS, signal);
  }
}

function hasRun({ status }: JobPod): boolean {
  return status?.containerStatuses?.[0]?.state?.terminated !== undefined;
}

function notStarted({ namespace, name }: JobRef, why: string): InCluster {
  return new InCluster('NotStarted', `Job ${namespace}/${name} could not begin: ${why}`);
}

async function troubleIn(
  { kube }: JobPorts,
  { namespace, name }: JobRef,
  pod: JobPod | undefined,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const events = await eventsAbout(kube, namespace, pod?.metadata.name ?? name, signal);
  signal.throwIfAborted();
  if (pod !== undefined) return troubleOf(pod, events);
  // Quotas, and admission: https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/controller_utils.go
  const refused = events.find(({ reason }) => reason === 'FailedCreate');
  return refused === undefined ? undefined : { reason: 'PodsRefused', message: `Job ${name}: ${refused.note ?? 'its pod cannot be made'}` };
}
