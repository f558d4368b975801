import { randomUUID } from 'node:crypto';
import type { RunnerConfiguration } from '../api/configuration.ts';
import { costNanoUsd } from '../api/prices.ts';
import { USER_AGENT } from '../lib/version.ts';
import { createAnthropicModel } from '../model/anthropic.ts';
import { createSend } from './outputs/send.ts';
import type { RunnerPorts } from './ports.ts';

/** What a runner is given from outside. */
export type Surroundings = Omit<RunnerPorts, 'model' | 'send' | 'newFence' | 'priceOf'>;

/** What may stand in for the world. */
export type StandIns = Partial<Pick<RunnerPorts, 'model' | 'send'>>;

/** The ports of an agent's runner: the model provider and the network as they are, or what stands in for them. Throws `InputError` (`InvalidResource`) for a base URL that is none. */
export function runnerPorts(configuration: RunnerConfiguration, surroundings: Surroundings, standIns: StandIns = {}): RunnerPorts {
  const { clock, secrets } = surroundings;
  const { apiKeySecretRef, baseUrl } = configuration.model;
  return {
    ...surroundings,
    model:
      standIns.model ??
      createAnthropicModel({
        apiKey: () => secrets(apiKeySecretRef),
        ...(baseUrl === undefined ? {} : { baseUrl }),
        clock,
        userAgent: USER_AGENT,
      }),
    send: standIns.send ?? createSend({ clock, userAgent: USER_AGENT }),
    newFence: randomUUID,
    priceOf: costNanoUsd,
  };
}
