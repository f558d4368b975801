import type { RabbitAddress, RabbitVersion } from '../parts/rabbitmq.ts';
import type { partOrSkip } from '../parts/unavailable.ts';
import { brokerSecret, declare, type ReviewerInPods, reviewerInPods } from './pod-content.ts';
import { type PodContent, type PodFiles, type PodProcess, podFiles, startPodProcess } from './pod-process.ts';
import { onRealStage, type RealStage } from './real-stage.ts';
import type { ReviewAgentOptions } from './review-agent.ts';

/** A stage where the reviewing agent runs as it does in a cluster: gateway and runner are processes of their own, and its topology is declared before the first starts. */
export interface PodsStage extends RealStage {
  readonly reviewer: ReviewerInPods;
  /** Starts a process with files of its own, which deviate in `content`. Both go when the stage does. */
  start(name: 'gateway' | 'runner', content?: Partial<PodContent>, environment?: NodeJS.ProcessEnv): Promise<Pod>;
  /** The files alone, for a process that is to end by itself. */
  files(name: 'gateway' | 'runner', content?: Partial<PodContent>): PodFiles;
}

/** A process and its files. */
export interface Pod extends PodProcess {
  readonly files: PodFiles;
}

/** Runs a test on real parts, or skips it where this machine cannot have them; the broker as for `onRealStage`. */
export async function onPodsStage(
  t: Parameters<typeof partOrSkip>[0],
  broker: RabbitVersion | RabbitAddress,
  body: (stage: PodsStage) => Promise<void>,
  options: Omit<ReviewAgentOptions, 'claudeUrl' | 'sinkUrl'> = {},
): Promise<void> {
  await onRealStage(t, broker, async (stage) => {
    const { vhost, database, stub, sink } = stage;
    const reviewer = reviewerInPods({ claudeUrl: stub.url, sinkUrl: sink.url, ...options });
    let declared: Promise<void> | undefined;
    await using pods = new AsyncDisposableStack();
    const files = (name: 'gateway' | 'runner', content: Partial<PodContent> = {}) =>
      pods.use(
        podFiles({
          configuration: reviewer[name],
          broker: brokerSecret(vhost.amqpUrl),
          store: { connection_string: `${database.url}\n` },
          secrets: reviewer.secrets,
          ...content,
        }),
      );
    const start = async (name: 'gateway' | 'runner', content: Partial<PodContent> = {}, environment: NodeJS.ProcessEnv = {}) => {
      declared ??= declare(vhost, reviewer.topology);
      await declared;
      const own = files(name, content);
      return { ...pods.use(await startPodProcess(name, own.environment(environment))), files: own };
    };
    await body({ ...stage, reviewer, start, files });
  });
}
