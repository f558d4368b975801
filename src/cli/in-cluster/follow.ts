import { KubeError } from '../../kube/kube-error.ts';
import { sleep } from '../../lib/clock.ts';
import { visible } from '../../lib/visible.ts';
import { InCluster } from './errors.ts';
import { createFrameReader, FramesMissing, type StreamName } from './frames.ts';
import { CONTAINER } from './job.ts';
import { failureOf, type JobPorts, type JobRef, podOf, stageOf } from './job-pod.ts';
import { AWAY_MS, isAway } from './persistent.ts';

const AGAIN_MS = 1_000;

/** Of what is no output of a command so many lines are shown, the last ones, where there is no end. */
const STRANGE_LINES = 10;
const STRANGE_LENGTH = 300;

/** Where what was said goes; it is read no faster than this takes it. */
export type Writing = (stream: StreamName, text: string) => Promise<void>;

/**
 * Follows what the process in the pod of a Job says, to its end; its exit code. A connection that breaks is made again. Rejects with `InCluster` (`OutputLost`) where a line or the end is missing, with
 * `KubeError`, with what `write` rejects with, or with the signal's reason.
 */
export async function followOutput(ports: JobPorts, job: JobRef, podName: string, write: Writing, signal: AbortSignal): Promise<number> {
  const { kube, clock } = ports;
  const frames = createFrameReader();
  let awaySince: number | undefined;
  for (;;) {
    const pod = await podOf(ports, job, signal);
    const stage = pod?.metadata.name === podName ? stageOf(pod) : ({ is: 'over', why: `pod ${podName} is gone` } as const);
    const strange: string[] = [];
    let exitCode: number | undefined;
    let failure: unknown;
    try {
      await kube.log(
        { namespace: job.namespace, pod: podName, container: CONTAINER },
        async (line) => {
          awaySince = undefined;
          const read = frames.read(line);
          if (read.is === 'text' && read.text !== '') await write(read.stream, read.text);
          if (read.is === 'foreign') strange.splice(0, Math.max(0, strange.push(line) - STRANGE_LINES));
          if (read.is !== 'end') return;
          exitCode = read.exitCode;
          // The server goes on until the container has ended.
          throw new Ended();
        },
        signal,
      );
    } catch (error) {
      failure = error;
    }
    if (exitCode !== undefined) return exitCode;
    signal.throwIfAborted();
    if (failure instanceof FramesMissing)
      throw await lost(ports, job, `${failure.message}: its log was cut before it was read`, strange, signal);
    if (failure !== undefined && !isAway(failure) && !isGone(failure)) throw failure;
    // Read after its end, and to its own: there is no more.
    if (stage.is === 'over' && (failure === undefined || isGone(failure))) throw await lost(ports, job, stage.why, strange, signal);
    awaySince = failure === undefined ? undefined : (awaySince ?? clock.now());
    if (awaySince !== undefined && clock.now() - awaySince >= AWAY_MS) throw failure;
    await sleep(clock, AGAIN_MS, signal);
  }
}

class Ended extends Error {}

/** Whether there is no such log, or not yet: `Invalid` is what a container without one is answered with. */
function isGone(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 'NotFound' || error.code === 'Invalid');
}

async function lost(ports: JobPorts, job: JobRef, why: string, strange: readonly string[], signal: AbortSignal): Promise<InCluster> {
  const failure = await failureOf(ports, job, signal).catch(() => undefined);
  const said = strange.map((line) => `\n  ${visible(line.slice(0, STRANGE_LENGTH))}`).join('');
  return new InCluster(
    'OutputLost',
    `the output of Job ${job.namespace}/${job.name} is not whole: ${why}${failure === undefined ? '' : ` (${failure})`}${
      said === '' ? '' : `; beside output its log has:${said}`
    }`,
  );
}
