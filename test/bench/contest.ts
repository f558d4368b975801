import type { RunnerConfiguration } from '../../src/api/configuration.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { USER_AGENT } from '../../src/lib/version.ts';
import { createAnthropicModel } from '../../src/model/anthropic.ts';
import type { Model } from '../../src/model/port.ts';
import { instantModel } from './instant-model.ts';

/** What both the runner and the loop beside it are started with. */
export interface Contestant {
  readonly amqpUrl: string;
  readonly redisUrl: string;
  readonly configurations: readonly RunnerConfiguration[];
  /** `stub`: the real adapter, against a stub in another process; `inside`: an instant model in the process itself. */
  readonly model: 'stub' | 'inside';
}

/** What one round is to do: the queue holds `events` already. */
export interface Work {
  readonly concurrency: number;
  readonly events: number;
  /** As many of them are run before the time counts. */
  readonly warmUp: number;
}

/** How long the events took that count. */
export interface Worked {
  readonly seconds: number;
}

/** The model of a configuration, the same for both. */
export function modelFor(contestant: Contestant, { model: { baseUrl } }: RunnerConfiguration): Model {
  if (contestant.model === 'inside') return instantModel;
  return createAnthropicModel({
    apiKey: () => 'benchmark',
    ...(baseUrl === undefined ? {} : { baseUrl }),
    clock: systemClock,
    userAgent: USER_AGENT,
  });
}

/** Counts events that have ended, from the first to the last of a round. */
export class Stopwatch {
  readonly done: Promise<Worked>;
  readonly #work: Work;
  readonly #resolve: (worked: Worked) => void;
  #ended = 0;
  #since = performance.now();

  constructor(work: Work) {
    const { promise, resolve } = Promise.withResolvers<Worked>();
    this.#work = work;
    this.#resolve = resolve;
    this.done = promise;
  }

  /** One more event has ended. */
  tick(): void {
    this.#ended += 1;
    if (this.#ended === this.#work.warmUp) this.#since = performance.now();
    if (this.#ended === this.#work.events) this.#resolve({ seconds: (performance.now() - this.#since) / 1000 });
  }
}
