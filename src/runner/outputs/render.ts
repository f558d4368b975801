import type { HttpOutput } from '../../api/configuration.ts';
import { type AgentEvent, HOP_HEADER } from '../../api/event.ts';
import { type AgentRef, agentId } from '../../api/names.ts';
import type { RenderedRequest } from '../../api/record.ts';
import { literalOrigin } from '../../expr/literal-origin.ts';
import { parseTemplate, type Template } from '../../expr/template.ts';
import { InputError } from '../../lib/errors.ts';
import { isHeaderValue } from '../../lib/header-value.ts';
import { inTemplate } from '../in-template.ts';
import { allowedUrl } from './hosts.ts';

/** An HTTP output with its templates parsed. */
export interface OutputProgram {
  readonly output: HttpOutput;
  readonly url: Template;
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
  readonly body: Template | undefined;
}

/** What templates of outputs see. */
export type OutputScope = {
  readonly agent: AgentRef;
  readonly event: AgentEvent;
  readonly output: { readonly text: string; readonly model: string };
};

const variables = ['agent', 'event', 'output'] as const;

/** Parses an output's templates. Throws `InputError` (`BadTemplate`) that names output and template. */
export function outputProgram(output: HttpOutput): OutputProgram {
  const text = { mode: 'text', variables } as const;
  return inTemplate(`output ${output.name}`, () => ({
    output,
    url: inTemplate('url', () => parseTemplate(output.url, { mode: 'url', variables })),
    headers: output.headers.map(({ name, value }) => ({ name, value: inTemplate(`header ${name}`, () => parseTemplate(value, text)) })),
    body: inTemplate('body', () => (output.bodyTemplate === undefined ? undefined : parseTemplate(output.bodyTemplate, text))),
  }));
}

/** The hosts that an output's URL may have: those given, else the one that its URL writes out. */
export function hostsOf(output: Pick<HttpOutput, 'url' | 'allowedHosts'>): readonly string[] {
  const origin = literalOrigin(output.url);
  return output.allowedHosts.length > 0 || origin === undefined ? output.allowedHosts : [new URL(origin).host];
}

/** The request of an output for one event. Throws `InputError` (`BadTemplate`) or `HostNotAllowed`, which name output and template. */
export function renderRequest(program: OutputProgram, scope: OutputScope): RenderedRequest {
  const { output } = program;
  return inTemplate(`output ${output.name}`, () => {
    const url = inTemplate('url', () => allowedUrl(program.url.render(scope).trim(), hostsOf(output)));
    const headers: Record<string, string> = { 'content-type': output.contentType };
    for (const { name, value } of program.headers)
      headers[name.toLowerCase()] = inTemplate(`header ${name}`, () => headerValue(value.render(scope)));
    // Last: a circle of agents ends, whatever headers they set.
    headers[HOP_HEADER] = String(scope.event.hop + 1);
    return { method: output.method, url: url.href, headers, body: inTemplate('body', () => bodyFor(program, scope)) };
  });
}

function headerValue(rendered: string): string {
  const value = rendered.trim();
  if (isHeaderValue(value)) return value;
  throw new InputError('BadTemplate', 'the rendered value holds a line break or a character that a header cannot carry');
}

function bodyFor({ output, body }: OutputProgram, scope: OutputScope): string {
  const text = body === undefined ? defaultBody(scope) : body.render(scope);
  if (output.contentType.startsWith('application/json') && !isJson(text))
    throw new InputError('BadTemplate', 'the rendered body is not JSON; write inserted values as {{ value | json }}');
  return text;
}

function defaultBody({ agent, event, output }: OutputScope): string {
  const { id, source, type, time, subject } = event;
  return JSON.stringify({ agent: agentId(agent), event: { id, source, type, time, subject }, model: output.model, text: output.text });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
