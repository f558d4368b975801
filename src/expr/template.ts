import { LiquidError, type Template as LiquidTemplate, type StaticAnalysis, UndefinedVariableError } from 'liquidjs';
import { InputError, messageOf } from '../lib/errors.ts';
import { contextFor, engines, type Insertion } from './liquid-engine.ts';
import { hasLiteralOrigin, literalOrigin } from './literal-origin.ts';

/** A compiled Liquid template. */
export interface Template {
  /** The text for these variables. Throws `InputError` (`BadTemplate`) that names line and column and never quotes a value. May be repeated. */
  render(scope: Readonly<Record<string, unknown>>): string;
}

/** What a template becomes: any text, or a URL, where values behind a written-out origin are percent-encoded. */
export interface TemplateOptions {
  readonly mode: 'text' | 'url';
  /** The variables that a render will have. With them, a template that uses another is refused when it is compiled. */
  readonly variables?: readonly string[];
}

/** What the variables have; of `event` what it may have. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  agent: ['namespace', 'name'],
  event: ['id', 'source', 'type', 'time', 'subject', 'extensions', 'hop', 'data'],
  output: ['text', 'model'],
};

/** Compiles a template. Throws `InputError` (`BadTemplate`) that says where the source is wrong and what to do. */
export function parseTemplate(source: string, options: TemplateOptions): Template {
  const insertion: Insertion = options.mode === 'url' && hasLiteralOrigin(source) ? 'encoded' : 'plain';
  const engine = engines[insertion];
  const origin = literalOrigin(source);
  if (options.mode === 'url' && origin !== undefined && !URL.canParse(origin))
    throw new InputError('BadTemplate', `line 1, column 1: ${origin} is not the beginning of a URL: correct the host or the port`);
  if (options.mode === 'url' && !source.includes('{') && !URL.canParse(source.trim()))
    throw new InputError('BadTemplate', 'not a URL: write it as https://host/path, and each special character in it as % and its code');
  let templates: LiquidTemplate[];
  try {
    templates = engine.parse(source);
    if (options.variables !== undefined) checkVariables(engine.analyzeSync(templates, { partials: false }).globals, options.variables);
  } catch (error) {
    throw sourceError(error, insertion);
  }
  return {
    render(scope) {
      let text: string;
      try {
        text = String(engine.renderSync(templates, contextFor(engine, scope)));
      } catch (error) {
        throw renderError(error);
      }
      if (insertion === 'encoded') refuseDotSegments(text);
      return text;
    },
  };
}

function checkVariables(used: StaticAnalysis['globals'], known: readonly string[]): void {
  for (const [name, uses] of Object.entries(used))
    for (const { segments, location } of uses) {
      const at = `line ${location.row}, column ${location.col}`;
      if (!known.includes(name)) throw new InputError('BadTemplate', `${at}: unknown variable ${name}; there is ${known.join(', ')}`);
      const field = segments[1];
      const fields = FIELDS[name];
      if (fields === undefined || typeof field !== 'string' || fields.includes(field)) continue;
      const advice = name === 'event' ? ', and what the sender sent is in event.data' : '';
      throw new InputError('BadTemplate', `${at}: ${name} has no field ${field}; it has ${fields.join(', ')}${advice}`);
    }
}

/** What is wrong with the source itself; it may be quoted, since its author reads the message. */
function sourceError(error: unknown, insertion: Insertion): InputError {
  if (error instanceof InputError) return error;
  if (!LiquidError.is(error)) return new InputError('BadTemplate', messageOf(error), { cause: error });
  const what = (error.originalError?.message ?? error.message).replace(/, line:\d+, col:\d+$/, '');
  const advice = /^tag "(include|render|layout|block)"/.test(what)
    ? '; a template has nothing to include, write the text itself'
    : insertion === 'encoded' && /^(undefined filter|tag ".*" not found)/.test(what)
      ? '; values in a URL are percent-encoded, and what would insert them otherwise is not available'
      : '';
  return new InputError('BadTemplate', `${positionIn(error)}: ${what}${advice}`, { cause: error });
}

const limits: ReadonlySet<string> = new Set(['memory alloc limit exceeded', 'template render limit exceeded']);

/** Why a render failed, in words of the template alone: liquidjs may quote values in what it says of filters. */
function renderError(error: unknown): InputError {
  if (!LiquidError.is(error)) return new InputError('BadTemplate', 'cannot be rendered with this event', { cause: error });
  const cause = error.originalError;
  const text = error.token.getText().slice(0, 80);
  const what =
    error instanceof UndefinedVariableError
      ? `undefined variable ${text}; correct the name, or guard it with {% if %} or | default: ""`
      : cause instanceof InputError
        ? cause.message
        : cause !== undefined && limits.has(cause.message)
          ? `${cause.message}; this event makes the template too long or too slow`
          : `${text} cannot be rendered with this event`;
  return new InputError('BadTemplate', `${positionIn(error)}: ${what}`);
}

function positionIn(error: LiquidError): string {
  const [line, column] = error.token.getPosition();
  return `line ${line}, column ${column}`;
}

/** A segment of dots survives percent-encoding and would lead out of the written path. */
function refuseDotSegments(url: string): void {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  if (path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment)))
    throw new InputError('BadTemplate', 'the path of the rendered URL has a segment "." or "..", which would lead to another path');
}
