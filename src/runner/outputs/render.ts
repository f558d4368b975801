import type { HttpOutput } from '../../api/configuration.ts';
import type { AgentEvent } from '../../api/event.ts';
import { type AgentRef, agentId } from '../../api/names.ts';
import type { RenderedRequest } from '../../api/record.ts';
import { literalOrigin } from '../../expr/literal-origin.ts';
import { parseTemplate, type Template } from '../../expr/template.ts';
import { InputError } from '../../lib/errors.ts';
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

/** What may stand in a header's value. RFC 9110 section 5.5; line breaks would end the header. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const variables = ['agent', 'event', 'output'] as const;

/** Parses an output's templates. Throws `InputError` (`BadTemplate`). */
export function outputProgram(output: HttpOutput): OutputProgram {
  return {
    output,
    url: parseTemplate(output.url, { mode: 'url', variables }),
    headers: output.headers.map(({ name, value }) => ({ name, value: parseTemplate(value, { mode: 'text', variables }) })),
    body: output.bodyTemplate === undefined ? undefined : parseTemplate(output.bodyTemplate, { mode: 'text', variables }),
  };
}

/** The hosts that an output's URL may have: those given, else the one that its URL writes out. */
export function hostsOf(output: Pick<HttpOutput, 'url' | 'allowedHosts'>): readonly string[] {
  const origin = literalOrigin(output.url);
  return output.allowedHosts.length > 0 || origin === undefined ? output.allowedHosts : [new URL(origin).host];
}

/** The request of an output for one event. Throws `InputError` (`BadTemplate`) or `HostNotAllowed`. */
export function renderRequest(program: OutputProgram, scope: OutputScope): RenderedRequest {
  const { output } = program;
  const url = allowedUrl(program.url.render(scope).trim(), hostsOf(output));
  const headers: Record<string, string> = { 'content-type': output.contentType };
  for (const { name, value } of program.headers) {
    const rendered = value.render(scope).trim();
    if (!isHeaderValue(rendered))
      throw new InputError(
        'BadTemplate',
        `output ${output.name}: header ${name}: the rendered value holds a line break or a character that a header cannot carry`,
      );
    headers[name.toLowerCase()] = rendered;
  }
  const body = program.body === undefined ? defaultBody(scope) : program.body.render(scope);
  if (output.contentType.startsWith('application/json') && !isJson(body)) {
    throw new InputError(
      'BadTemplate',
      `output ${output.name}: the rendered body is not JSON; write inserted values as {{ value | json }}`,
    );
  }
  return { method: output.method, url: url.href, headers, body };
}

/** Whether a text can be sent as the value of a header. */
export function isHeaderValue(text: string): boolean {
  return HEADER_VALUE.test(text);
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
