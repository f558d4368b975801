import { type AsyncMessage, Connection } from 'rabbitmq-client';
import { brokerNames } from '../../src/api/names.ts';
import { type Contestant, modelFor, Stopwatch, type Work } from './contest.ts';
import { playRole } from './role.ts';

/** A pull request as the prompt of the benchmark reads it. */
interface PullRequestEvent {
  readonly pull_request: { readonly title: string; readonly body: string | null };
}

/**
 * What somebody would write by hand: as many channels as the runner has, one message at a time on each; call the model, send its text on where there is
 * a sink, acknowledge. It remembers nothing: what is delivered twice it does twice, and what fails is lost in an endless circle.
 */
await playRole(async (options) => {
  const contestant = options as Contestant;
  const [configuration] = contestant.configurations;
  if (configuration === undefined) throw new Error('no configuration');
  const connection = new Connection(contestant.amqpUrl);
  const model = modelFor(contestant, configuration);
  const queue = brokerNames(configuration.agent).work;
  const { signal } = new AbortController();
  const { name, system, maxTokens } = configuration.model;

  async function handle(message: AsyncMessage): Promise<void> {
    // The library has parsed the body.
    const { pull_request: pullRequest } = message.body as PullRequestEvent;
    const prompt = `PR: ${pullRequest.title}\n${pullRequest.body}\nWrite a 3-point review checklist.\n`;
    const turn = await model.call({ model: name, ...(system === undefined ? {} : { system }), prompt, maxTokens }, signal);
    for (const { url } of configuration?.outputs ?? []) {
      const body = JSON.stringify({ body: turn.text });
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the sink answered ${response.status}`);
    }
  }

  async function run(work: Work) {
    const stopwatch = new Stopwatch(work);
    const channels = await Promise.all(
      Array.from({ length: work.concurrency }, async () => {
        const channel = await connection.acquire();
        await channel.basicQos({ prefetchCount: 1 });
        await channel.basicConsume({ queue, noAck: false }, (message) => {
          handle(message).then(
            () => {
              channel.basicAck({ deliveryTag: message.deliveryTag });
              stopwatch.tick();
            },
            (error: unknown) => {
              throw error;
            },
          );
        });
        return channel;
      }),
    );
    const worked = await stopwatch.done;
    await Promise.all(channels.map((channel) => channel.close()));
    return worked;
  }

  return {
    ready: undefined,
    commands: { run: (work) => run(work as Work) },
    close: () => connection.close(),
  };
});
