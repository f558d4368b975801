import { type ASTNode, Environment, EvaluationError, type ParseResult } from '@marcbachmann/cel-js';
import type { AgentEvent } from '../api/event.ts';
import { InputError } from '../lib/errors.ts';
import { guardFinding } from './cel-guards.ts';
import { withMaps } from './cel-maps.ts';
import { typeProblem } from './cel-types.ts';
import { positionOf } from './position.ts';

/** Whether an agent runs an event. Throws `InputError` (`BadFilter`) where the filter cannot be evaluated on it; the message never quotes the event. */
export type Filter = (event: AgentEvent) => boolean;

/** What makes two events the same event. Throws `InputError` (`BadFilter`) where the key cannot be evaluated on the event; the message never quotes the event. */
export type Key = (event: AgentEvent) => string;

/** A field of at most 4096 characters that is written by people stays far below both. */
const LIMITS = { maxAstNodes: 1000, maxDepth: 50 } as const;

const arithmetic = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': (a: number, b: number) => a % b,
} as const;

/**
 * One variable, `event`. Numbers of JSON are doubles, which CEL compares with ints but does not calculate with; the mixed operators let
 * `event.data.n + 1` work all the same, with a double as its result.
 */
const environment = new Environment({ unlistedVariablesAreDyn: false, enableOptionalTypes: true, limits: LIMITS }).registerVariable(
  'event',
  {
    schema: {
      id: 'string',
      source: 'string',
      type: 'string',
      time: 'string',
      subject: 'string',
      extensions: 'map<string, string>',
      hop: 'int',
      data: 'dyn',
    },
  },
);
for (const [operator, result] of Object.entries(arithmetic)) {
  environment.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => result(a, Number(b)));
  environment.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => result(Number(a), b));
}
environment.registerOperator('double % double', arithmetic['%']);

/** Compiles a filter. Throws `InputError` (`BadFilter`) that says where the source is wrong and what to do. */
export function parseFilter(source: string): Filter {
  const evaluate = compile(source, 'bool', 'a filter is true or false, for example event.type == "github.pull_request"');
  return (event) => {
    const result = evaluate(event);
    if (typeof result === 'boolean') return result;
    throw new InputError(
      'BadFilter',
      `gave ${typeName(result)} for this event, and must give true or false: compare the value with something`,
    );
  };
}

/** Compiles an idempotency key. Throws `InputError` (`BadFilter`) that says where the source is wrong and what to do. */
export function parseKey(source: string): Key {
  const evaluate = compile(source, 'string', 'a key is a string: wrap other values in string(…)');
  return (event) => {
    const result = evaluate(event);
    if (typeof result === 'string') return result;
    throw new InputError('BadFilter', `gave ${typeName(result)} for this event, and must give a string: wrap the value in string(…)`);
  };
}

function compile(source: string, wanted: 'bool' | 'string', advice: string): (event: AgentEvent) => unknown {
  const parsed = parse(source);
  const finding = guardFinding(parsed.ast);
  if (finding !== undefined) throw new InputError('BadFilter', `${positionOf(source, finding.node.start)}: ${finding.message}`);
  const { valid, type, error } = parsed.check();
  if (!valid) throw sourceError(source, error);
  if (type !== wanted && type !== 'dyn') throw new InputError('BadFilter', `gives ${type}, but ${advice}`);
  return (event) => evaluateOn(source, parsed, event);
}

function parse(source: string): ParseResult {
  try {
    return environment.parse(source);
  } catch (error) {
    throw sourceError(source, error);
  }
}

/** What is wrong with the source itself; it may be quoted, since its author reads the message. */
function sourceError(source: string, error: unknown): InputError {
  const { code, summary, range } = error as Partial<EvaluationError>;
  const advice =
    code === 'unknown_variable'
      ? '; the only variable is event'
      : code === 'no_such_key'
        ? '; event has id, source, type, time, subject, extensions, hop and data, and what the sender sent is in event.data'
        : '';
  return new InputError('BadFilter', `${positionOf(source, range?.start ?? 0)}: ${summary ?? 'not a CEL expression'}${advice}`, {
    cause: error,
  });
}

function evaluateOn(source: string, parsed: ParseResult, event: AgentEvent): unknown {
  try {
    return parsed({ event: variableOf(event, event.data) });
  } catch (error) {
    // cel-js takes an object's own key "constructor" for its class; as Maps such objects are read as what they are.
    if (codeOf(error) !== 'unsupported_type') throw evaluationError(source, error);
  }
  try {
    return parsed({ event: variableOf(event, withMaps(event.data)) });
  } catch (error) {
    throw evaluationError(source, error);
  }
}

function variableOf(event: AgentEvent, data: unknown): Readonly<Record<string, unknown>> {
  const { id, source, type, time, subject, extensions, hop } = event;
  return {
    id,
    source,
    type,
    ...(time === undefined ? {} : { time }),
    ...(subject === undefined ? {} : { subject }),
    extensions,
    hop: BigInt(hop),
    data,
  };
}

function codeOf(error: unknown): string {
  return error instanceof EvaluationError ? error.code : '';
}

/** Codes whose message holds types and words of the source only. Others quote values ("invalid string value …"), which belong to the event. */
const quotable: ReadonlySet<string> = new Set(['no_such_overload', 'no_matching_overload', 'division_by_zero', 'modulo_by_zero']);

function evaluationError(source: string, error: unknown): InputError {
  if (!(error instanceof EvaluationError)) return new InputError('BadFilter', 'cannot be evaluated on this event', { cause: error });
  const { code, summary, range, node } = error;
  const what =
    code === 'no_such_key'
      ? `this event has no ${textOf(source, node)}; guard it with has(…)`
      : code === 'index_out_of_bounds'
        ? 'an index lies outside its list on this event; compare it with size(…) first'
        : (typeProblem(source, error) ??
          (quotable.has(code) ? summary : `cannot be evaluated on this event (${code.replaceAll('_', ' ')})`));
  return new InputError('BadFilter', `${positionOf(source, range?.start ?? 0)}: ${what}`);
}

/** The source of a node. */
function textOf(source: string, node: ASTNode | undefined): string {
  return node === undefined ? 'such key' : source.slice(node.start, node.end);
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint' || typeof value === 'number') return 'a number';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}
