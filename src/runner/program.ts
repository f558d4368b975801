import type { RunnerConfiguration } from '../api/configuration.ts';
import type { AgentEvent } from '../api/event.ts';
import { type BrokerNames, brokerNames, digest } from '../api/names.ts';
import { type Filter, type Key, parseFilter, parseKey } from '../expr/cel.ts';
import { parseTemplate, type Template } from '../expr/template.ts';
import { inTemplate } from './in-template.ts';
import { type OutputProgram, outputProgram } from './outputs/render.ts';

/** An agent's configuration with everything in it that is a language parsed once. */
export interface Program {
  readonly configuration: RunnerConfiguration;
  readonly names: BrokerNames;
  readonly filter: Filter | undefined;
  readonly key: Key | undefined;
  readonly prompt: Template;
  readonly outputs: readonly OutputProgram[];
}

/** Parses an agent's expressions and templates. Throws `InputError`, of a template with its name. */
export function programOf(configuration: RunnerConfiguration): Program {
  const { filter, idempotency, model, outputs } = configuration;
  return {
    configuration,
    names: brokerNames(configuration.agent, configuration.prefix),
    filter: filter === undefined ? undefined : parseFilter(filter),
    key: idempotency.key === undefined ? undefined : parseKey(idempotency.key),
    prompt: inTemplate('prompt', () => parseTemplate(model.prompt, { mode: 'text', variables: ['agent', 'event'] })),
    outputs: outputs.map(outputProgram),
  };
}

/** The idempotency key that an output's sink gets: the same for every copy and every attempt of an event. */
export function outputKey(program: Program, eventKey: string, output: string): string {
  const { namespace, name } = program.configuration.agent;
  return digest(namespace, name, eventKey, output);
}

/** The model request of an event. Throws `InputError` (`BadTemplate`) that names the prompt. */
export function requestFor(program: Program, event: AgentEvent) {
  const { model } = program.configuration;
  return {
    model: model.name,
    ...(model.system === undefined ? {} : { system: model.system }),
    prompt: inTemplate('prompt', () => program.prompt.render({ agent: program.configuration.agent, event })),
    maxTokens: model.maxTokens,
  };
}
