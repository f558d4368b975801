import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { createKubeClient } from '../../kube/http-client.ts';
import { chosenKubeAccess } from '../../kube/kube-config.ts';
import { systemClock } from '../../lib/clock.ts';
import type { ExitCode } from '../exit.ts';
import { stopSignal } from '../stop.ts';
import type { RemoteCommand } from './flags.ts';
import { runInCluster } from './run.ts';

/** How a command takes to its end. */
export interface RemoteManner {
  readonly deadlineSeconds: number;
  /** Whether it is over when nobody reads what it says. */
  readonly endsWithReader: boolean;
}

/** The streams of this process. */
export interface Streams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted when nobody takes standard output any more. */
  readonly lost: AbortSignal;
}

/** Runs a command as a Job, and says here what it says there. Its exit code; 0 where its reader has gone and it ends with that. Rejects as `runInCluster` and `chosenKubeAccess`. */
export async function runFromHere(
  remote: RemoteCommand,
  { deadlineSeconds, endsWithReader }: RemoteManner,
  streams: Streams,
): Promise<ExitCode> {
  const { agents, words, cluster } = remote;
  const clock = systemClock;
  const kube = createKubeClient({ access: await chosenKubeAccess(cluster, clock), clock });
  const { stdout, stderr, lost } = streams;
  const over = endsWithReader ? lost : new AbortController().signal;
  try {
    return await runInCluster(
      { agents, words, deadlineSeconds },
      {
        kube,
        clock,
        stop: stopSignal(),
        lost: over,
        tell: (line) => {
          stderr.write(`${line}\n`);
        },
        write: async (stream, text) => {
          if (stream === 'err') stderr.write(text);
          else if (!lost.aborted && !stdout.write(text)) await once(stdout, 'drain', { signal: lost }).catch(() => {});
        },
      },
    );
  } catch (error) {
    // A reader that has gone has seen what it wanted.
    if (!over.aborted) throw error;
    return 0;
  } finally {
    await kube.close();
  }
}
